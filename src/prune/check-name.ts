/** Names that callers without types may misspell. */
import { UsageError } from "../errors.js";

/** @throws UsageError naming the known ones, for a name that is none of them. */
export function checkName(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new UsageError(`${what}: expected ${known.join(", ")}, got "${name}"; choose one`);
}
