import { FormatError } from "../errors.js";
import { quote } from "./text.js";

/** A parsed JSON object whose values are still to be checked. */
export type JsonObject = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** No format that is read here nests deeper than 4; code that walks a value by recursion is safe below this. */
const maxDepth = 64;

/**
 * Parses a JSON object from UTF-8 bytes.
 *
 * @param source - name of the file, for messages
 * @throws FormatError for bytes that are not UTF-8, not JSON, not an object, nested deeper than 64, or that hold a key twice.
 */
export function parseJsonObject(bytes: Uint8Array, source: string): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new FormatError(`${source}: expected JSON in UTF-8, got text that does not parse; write the file again`);
  }
  if (!isObject(value)) {
    throw new FormatError(`${source}: expected a JSON object, got ${quote(value)}; write the file again`);
  }
  checkStructure(text, source);
  return value;
}

/**
 * Checks what `JSON.parse` does not: it keeps the last of two equal keys and says nothing, and nests without limit.
 *
 * @param json - valid JSON
 */
function checkStructure(json: string, source: string): void {
  // The keys of each open object; undefined for an open list.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      if (open.length > maxDepth) {
        throw new FormatError(`${source}: expected at most ${maxDepth} levels of nesting, got more; write it again`);
      }
    } else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, at);
      let next = end + 1;
      while (" \n\r\t".includes(json[next])) next++;
      // In valid JSON only a key is followed by a colon.
      if (json[next] === ":") {
        const key: string = JSON.parse(json.slice(at, end + 1));
        const keys = open.at(-1)!;
        if (keys.has(key)) {
          throw new FormatError(`${source}: expected each key once, got ${quote(key)} twice; remove one of them`);
        }
        keys.add(key);
      }
      at = end;
    }
  }
}

/** Index of the quote that closes the string opened at `start`. */
function stringEnd(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); ; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

/** The object without entries that are undefined, as JSON writes it. */
export const withoutAbsent = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
