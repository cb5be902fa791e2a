/** Longest quotation in a message. */
const longest = 80;

/**
 * A value from a file as it may stand in a one-line message: JSON with control characters escaped, cut at 80. Of a list
 * or an object only the first level is shown: what a file nests may be as deep as the file is long.
 */
export function quote(value: unknown): string {
  const text = outline(value);
  const visible = text.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return visible.length > longest ? `${visible.slice(0, longest - 4)}...${text.startsWith('"') ? '"' : ""}` : visible;
}

/** At least as much of the value as {@link quote} shows. */
function outline(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? String(value);
  const isArray = Array.isArray(value);
  let text = "";
  for (const key in value) {
    const entry = leaf((value as Record<string, unknown>)[key]);
    text += `${text && ","}${isArray ? entry : `${JSON.stringify(key)}:${entry}`}`;
    if (text.length > longest) break;
  }
  return isArray ? `[${text}]` : `{${text}}`;
}

function leaf(value: unknown): string {
  if (Array.isArray(value)) return value.length ? "[...]" : "[]";
  return typeof value === "object" && value !== null ? "{...}" : outline(value);
}

/** `1 x 3 x 224 x 224`; `scalar` for no dimension. */
export const shapeText = (shape: readonly number[]): string => (shape.length ? shape.join(" x ") : "scalar");
