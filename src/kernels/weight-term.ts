/** Kernels that compute gradients of weights and write a term over gradient and weight in their place: the WGSL of that term. */
import type { ShaderSource } from "../gpu/index.js";
import { describeWgsl } from "../gpu/wgsl.js";
import { weight_term as pathScore } from "./fragments.gen.js";
import { checkExpression, type ExpressionText, explainExpression, wholeText } from "./map-expression.js";

/** What a product that is the gradient of a weight may give in its place. */
export interface WeightTermOptions {
  /** A term over g, an element of the product, and w, that of `scored`, such as "abs(g * w)". Default: the path score w^2 |g| (PX, CVPR 2024). */
  readonly term?: ExpressionText;
  /** Adds to what the result holds instead of overwriting it. */
  readonly accumulate?: boolean;
}

const [FUNCTION] = pathScore.match(/^fn .*$/m)!;

const kernels = new Map<string, ShaderSource>();

/**
 * The kernel, which imports shaders/shared/weight_term.wgsl, with another term; for values of `width` elements. Made once.
 * @throws KernelError for what is no expression over g and w.
 */
export function withWeightTerm<S extends ShaderSource>(
  kernel: S,
  term: ExpressionText | undefined,
  width: 1 | 4 = 1,
): S {
  if (term === undefined) return kernel;
  const key = `${kernel.name} ${width} ${JSON.stringify(term)}`;
  let made = kernels.get(key);
  if (!made) {
    made = makeKernel(kernel, term, width);
    kernels.set(key, made);
  }
  return made as S;
}

/** The expression stands on a line of its own, for messages of the compiler. */
function makeKernel(kernel: ShaderSource, term: ExpressionText, width: 1 | 4): ShaderSource {
  const expression = wholeText(term);
  checkExpression(expression, ["g", "w"]);
  const components = Array.from({ length: width }, (_, c) =>
    width === 1 ? "one_term(g, w)" : `one_term(g[${c}], w[${c}])`,
  );
  const [before, after] = kernel.code.split(FUNCTION);
  const text = `fn one_term(g: f32, w: f32) -> f32 { return (
${expression}
); }
fn weight_term(g: Value, w: Value) -> Value { return Value(${components.join(", ")}); }`;
  return {
    ...describeWgsl(`${kernel.name} ${expression}`, `${before}${text}${after}`),
    explain: explainExpression(term, before.split("\n").length + 1),
  };
}
