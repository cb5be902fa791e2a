/** What a value is, for the "got" of an error: "Float32Array", "GPUBuffer", "undefined". */
export function whatIs(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return value.constructor?.name ?? "an object";
}
