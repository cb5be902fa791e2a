/** Readers of option values. Each turns text into a value or throws the one line that the user sees. */
import { UsageError } from "../errors.js";
import { UNIT_KINDS } from "../nn/index.js";
import { checkSparsity } from "../prune/schedule.js";
import { GRANULARITIES, type Granularity } from "../prune/units.js";

export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Exclusive lower bound. */
  readonly above?: number;
  readonly integer?: boolean;
}

/** @returns a reader of numbers from `min` to `max`, both included. */
export function numberOption(name: string, { min, max, above, integer = false }: Range = {}): (text: string) => number {
  const bounds = [
    min !== undefined && `at least ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `at most ${max}`,
  ].filter(Boolean);
  const expected = [integer ? "a whole number" : "a number", ...bounds].join(", ");
  return (text) => {
    const value = Number(text);
    const valid = text.trim() !== "" && Number.isFinite(value) && (!integer || Number.isSafeInteger(value));
    if (valid && value >= (min ?? value) && value > (above ?? -Infinity) && value <= (max ?? value)) return value;
    throw new UsageError(`${name}: expected ${expected}, got "${text}"; correct it`);
  };
}

export const countOption = (name: string): ((text: string) => number) =>
  numberOption(name, { min: 1, max: 2 ** 31 - 1, integer: true });

/** Several of them with commas between. */
export const countsOption =
  (name: string) =>
  (text: string): number[] =>
    text.split(",").map((part) => countOption(name)(part));

/** Seeds are 32 bits wide, as the generators on the device take them. */
export const seedOption = numberOption("seed", { min: 0, max: 2 ** 32 - 1, integer: true });

const sparsityNumber = numberOption("sparsity");

/** A part to remove. */
export function sparsityOption(text: string): number {
  const value = sparsityNumber(text);
  checkSparsity(value, 1);
  return value;
}

export function choiceOption<T extends string>(name: string, values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    throw new UsageError(`${name}: expected ${values.join(", ")}, got "${text}"; choose one`);
  };
}

/** @returns a reader that offers, for an unknown name, what a command takes; a known one that it does not take has a reason of its own to be refused. */
export function nameOption<T>(
  name: string,
  known: ReadonlyMap<string, T>,
  offered: readonly string[],
): (text: string) => T {
  const choose = choiceOption(name, offered);
  return (text) => known.get(text) ?? known.get(choose(text))!;
}

/** A named granularity, kinds of units that are ranked together with commas between them, or blocks as "32x32". */
export function granularityOption(text: string): Granularity {
  const [, rows, columns] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (text.includes(",")) return listOption("granularity", UNIT_KINDS)(text);
  if (rows === undefined) return choiceOption("granularity", [...GRANULARITIES, "32x32"])(text) as Granularity;
  return { block: [countOption("granularity")(rows), countOption("granularity")(columns)] };
}

/** Several choices with commas between them; the option may come more than once. */
export function listOption<T extends string>(
  name: string,
  values: readonly T[],
): (text: string, before?: readonly T[]) => T[] {
  const read = choiceOption(name, values);
  return (text, before = []) => [...before, ...text.split(",").map((part) => read(part.trim()))];
}

export function patternOption(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`filter: expected a regular expression, got "${text}"; correct it`);
  }
}
