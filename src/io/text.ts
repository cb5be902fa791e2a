/** A name from a file as it may stand in a one-line message: quoted, control characters escaped, cut at 80. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const visible = text.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return visible.length > 80 ? `${visible.slice(0, 76)}...${text.startsWith('"') ? '"' : ""}` : visible;
}

/** `1 x 3 x 224 x 224`; `scalar` for no dimension. */
export const shapeText = (shape: readonly number[]): string => (shape.length ? shape.join(" x ") : "scalar");
