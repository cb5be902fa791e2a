/**
 * Calls from JavaScript, where no compiler reads them: names of buffers, sizes and options, and words that stand for one of several. `scripts/build-names.mjs`
 * takes both from the types and wraps what `secateur/kernels` exports. Calls of ours are typed and go past this: they cost nothing more, and may hand on more than
 * one kernel needs.
 */
import { KernelError } from "../errors.js";
import { whatIs } from "../gpu/what-is.js";
import { requireOneOf } from "./require.js";

/** The names that an object may hold; with `each`, those that its elements or values may. */
export interface KnownNames {
  readonly names: readonly string[];
  readonly each?: boolean;
  /** The words that a name may stand for, where it is one of several. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** What the argument is called, where it has to be an object. */
  readonly object?: string;
  readonly optional?: boolean;
}

/** An argument that is one of several words. */
export interface KnownWords {
  readonly argument: string;
  readonly words: readonly string[];
  readonly optional?: boolean;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function checkObject(op: string, value: unknown, { names, words }: KnownNames): void {
  if (!isObject(value)) return;
  for (const name in value) {
    const given = value[name];
    if (given === undefined) continue;
    if (!names.includes(name)) {
      const whose = value.constructor === Object ? "" : ` of ${whatIs(value)}`;
      throw new KernelError(
        `${op}: expected a name among ${names.join(", ")}, got ${name}${whose}; correct it in the call`,
      );
    }
    if (words?.[name]) requireOneOf(op, name, words[name], given);
  }
}

function checkNames(op: string, value: unknown, known: KnownNames): void {
  if (!isObject(value)) {
    if (known.object === undefined || (value === undefined && known.optional)) return;
    const what = known.each ? "objects" : "an object";
    const got = value === undefined ? "none" : whatIs(value);
    throw new KernelError(
      `${op}: ${known.object}: expected ${what} of ${known.names.join(", ")}, got ${got}; correct the call`,
    );
  }
  if (!known.each) checkObject(op, value, known);
  else for (const part of Object.values(value)) checkObject(op, part, known);
}

/** A kernel that refuses what it would pass over; `known` has an entry for each argument, null where there is nothing to check. */
export function checked<Kernel extends (...args: never[]) => void>(
  op: string,
  kernel: Kernel,
  known: readonly (KnownNames | KnownWords | null)[],
): Kernel {
  const call = (...args: Parameters<Kernel>): void => {
    for (let index = 0; index < known.length; index++) {
      const value: unknown = args[index];
      const argument = known[index];
      if (argument === null) continue;
      if ("names" in argument) checkNames(op, value, argument);
      else if (value !== undefined || !argument.optional) requireOneOf(op, argument.argument, argument.words, value);
    }
    kernel(...args);
  };
  return call as Kernel;
}
