/** What a caller without types may have misspelt. */
import { UsageError } from "../errors.js";
import { whatIs } from "./what-is.js";

/** @throws UsageError for what is no object of these options. */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new UsageError(
      `${what}: expected options { ${known.join(", ")} }, got ${whatIs(options)}; pass them as one object`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    throw new UsageError(`${what}: expected an option among ${known.join(", ")}, got ${name}; correct it in the call`);
  }
}
