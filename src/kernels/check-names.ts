/**
 * Names in calls from JavaScript, where no compiler reads them. `scripts/build-names.mjs` takes them from the types and wraps what `secateur/kernels` exports.
 * Calls of ours are typed and go past this: they cost nothing more, and may hand on more than one kernel needs.
 */
import { KernelError } from "../errors.js";

/** The names that an object may hold; with `each`, those that its elements or values may. */
export interface KnownNames {
  readonly names: readonly string[];
  readonly each?: boolean;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function checkObject(op: string, value: unknown, names: readonly string[]): void {
  if (!isObject(value)) return;
  for (const name in value) {
    if (names.includes(name) || value[name] === undefined) continue;
    throw new KernelError(`${op}: expected a name among ${names.join(", ")}, got ${name}; correct it in the call`);
  }
}

/** A kernel that refuses names which it would pass over; `known` has an entry for each argument, null where there is nothing to check. */
export function checked<Kernel extends (...args: never[]) => void>(
  op: string,
  kernel: Kernel,
  known: readonly (KnownNames | null)[],
): Kernel {
  const call = (...args: Parameters<Kernel>): void => {
    for (let index = 0; index < known.length; index++) {
      const value: unknown = args[index];
      const { names, each } = known[index] ?? {};
      if (names && each && isObject(value)) for (const part of Object.values(value)) checkObject(op, part, names);
      else if (names) checkObject(op, value, names);
    }
    kernel(...args);
  };
  return call as Kernel;
}
