/** What a value is, for the "got" of an error: "Float32Array", "GPUBuffer", "undefined"; text stands in quotes, where it would pass for a number. */
export function whatIs(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return value.constructor?.name ?? "an object";
}
