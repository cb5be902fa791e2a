import { FormatError } from "../errors.js";
import { quote } from "./text.js";

/** A parsed JSON object whose values are still to be checked. */
export type JsonObject = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Parses a JSON object from UTF-8 bytes.
 *
 * @param source - name of the file, for messages
 * @throws FormatError for bytes that are not UTF-8, not JSON, not an object, or that hold a key twice.
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
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) {
    throw new FormatError(`${source}: expected each key once, got ${quote(duplicate)} twice; remove one of them`);
  }
  return value;
}

/** The first key that occurs twice in one object of valid JSON. `JSON.parse` keeps the last one and says nothing. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, at);
      let next = end + 1;
      while (" \n\r\t".includes(json[next])) next++;
      // In valid JSON only a key is followed by a colon.
      if (json[next] === ":") {
        const key: string = JSON.parse(json.slice(at, end + 1));
        const keys = open.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end;
    }
  }
  return undefined;
}

/** Index of the quote that closes the string opened at `start`. */
function stringEnd(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); ; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}
