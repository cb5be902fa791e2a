/** Checks a WGSL expression that a user wrote before it becomes part of a kernel, and places compiler messages in it. */
import { KernelError } from "../errors.js";

/** WGSL's functions of scalars, its scalar types and values. */
const KNOWN = new Set(
  (
    "abs acos acosh asin asinh atan atan2 atanh bitcast ceil clamp cos cosh countOneBits degrees exp exp2 f32 false floor fma fract i32 " +
    "inverseSqrt log log2 max min mix pow radians round saturate select sign sin sinh smoothstep sqrt step tan tanh true trunc u32 bool"
  ).split(" "),
);

/** Identifiers, numbers (skipped whole, so that 1e5f holds no name), or any other character. */
const TOKEN = /[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fiuh]?|\s+|./gs;

const ALLOWED = /^[\w\s.,()+\-*/%<>=!&|^~]*$/;

function refuse(expression: string, column: number, found: string, expected: string): never {
  throw new KernelError(
    `map "${expression}": expected ${expected}, got ${found} at column ${column}; correct the expression`,
  );
}

/**
 * Lets pass one expression over the given names, WGSL's scalar functions and operators: no statements, comments or other declarations.
 * @throws KernelError with the column of the first thing that does not belong.
 */
export function checkExpression(expression: string, names: readonly string[]): void {
  for (const name of names) {
    if (/^[A-Za-z]\w*$/.test(name) && !KNOWN.has(name)) continue;
    throw new KernelError(
      `map: expected input names that are plain identifiers and no WGSL functions, got "${name}"; rename it`,
    );
  }
  if (expression.trim() === "")
    throw new KernelError('map: expected an expression such as "abs(w) * n", got an empty one');
  const comment = /\/[/*]/.exec(expression);
  if (comment) refuse(expression, comment.index + 1, "a comment", "an expression");
  let depth = 0;
  for (const { 0: token, index } of expression.matchAll(TOKEN)) {
    if (!ALLOWED.test(token)) refuse(expression, index + 1, `"${token}"`, "names, numbers, operators and parentheses");
    if (/^[A-Za-z_]/.test(token) && !names.includes(token) && !KNOWN.has(token)) {
      refuse(expression, index + 1, `"${token}"`, `one of the inputs ${names.join(", ")} or a scalar function of WGSL`);
    }
    if (token === "(") depth++;
    if (token === ")" && --depth < 0) refuse(expression, index + 1, `")"`, "balanced parentheses");
  }
  if (depth > 0) refuse(expression, expression.length + 1, "the end", "a closing parenthesis");
}

/** A piece of an expression, and where it was written: at `at` of `source`. */
export interface WrittenPiece {
  readonly text: string;
  readonly source: string;
  readonly at: number;
}

/** An expression, whole or in pieces, each of which somebody wrote elsewhere. Errors name the text of the piece and the place in it. */
export type ExpressionText = string | readonly WrittenPiece[];

export const wholeText = (expression: ExpressionText): string =>
  typeof expression === "string" ? expression : expression.map(({ text }) => text).join("");

/** The text that a position of an expression was written in, and the position there. */
function writtenAt(expression: ExpressionText, position: number): { source: string; position: number } {
  if (typeof expression === "string") return { source: expression, position };
  let start = 0;
  for (const { text, source, at } of expression) {
    if (position < start + text.length) return { source, position: at + position - start };
    start += text.length;
  }
  const last = expression[expression.length - 1];
  return { source: last.source, position: last.at + last.text.length };
}

/** Makes an error of the compiler's message for code in which the expression begins at the start of line `line` (from 1). */
export function explainExpression(expression: ExpressionText, line: number): (message: string) => KernelError {
  const lines = wholeText(expression).split("\n");
  return (message) => {
    const found = /:(\d+):(\d+) error: ([^\n]*)/.exec(message);
    const row = found ? Number(found[1]) - line : -1;
    const inside = row >= 0 && row < lines.length;
    const before = lines.slice(0, Math.max(row, 0)).join("\n").length + Math.min(Math.max(row, 0), 1);
    const { source, position } = writtenAt(expression, inside ? before + Number(found![2]) - 1 : 0);
    const above = source.slice(0, position).split("\n");
    const place = `${source.includes("\n") ? `line ${above.length}, ` : ""}column ${above[above.length - 1].length + 1}`;
    const what = found ? found[3] : message.split("\n")[0];
    return new KernelError(
      `map "${source}": expected an f32 expression, got "${what}"${inside ? ` at ${place}` : ""}; correct the expression`,
    );
  };
}
