import { FormatError } from "../errors.js";
import { decodeRanges } from "./index-ranges.js";
import type { JsonObject } from "./json.js";
import { quote } from "./text.js";

interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Exclusive lower bound. */
  readonly above?: number;
  readonly integer?: boolean;
}

/**
 * Reads checked values out of a config by their timm names.
 * Messages use the file's own spelling, so that they can be acted on.
 */
export class ConfigReader {
  /**
   * @param source - name of the file, for messages
   * @param spelling - timm name -> key in this file, where they differ
   */
  constructor(
    private readonly json: JsonObject,
    readonly source: string,
    private readonly spelling: Readonly<Record<string, string>> = {},
  ) {}

  /** The file's key for a timm name. */
  key(name: string): string {
    return this.spelling[name] ?? name;
  }

  /** The value under a timm name; JSON null, which timm writes for "default", counts as absent. */
  raw(name: string): unknown {
    const key = this.key(name);
    return Object.hasOwn(this.json, key) ? (this.json[key] ?? undefined) : undefined;
  }

  fail(name: string, expected: string, remedy = "correct it"): never {
    const value = this.raw(name);
    const got = value === undefined ? "nothing" : quote(value);
    throw new FormatError(`${this.source}: expected "${this.key(name)}" to be ${expected}, got ${got}; ${remedy}`);
  }

  number(name: string, range: Range, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    return inRange(value, range) ? value : this.fail(name, rangeText(range));
  }

  /** A positive integer; the upper limit keeps a hostile file from asking for more than any device holds. */
  count(name: string, fallback?: number, max = 1 << 20): number {
    return this.number(name, { integer: true, min: 1, max }, fallback);
  }

  /** A positive integer that may be written as a pair of equal ones, as image and patch sizes are. */
  squareSize(name: string, fallback?: number): number {
    const value = this.raw(name);
    if (!Array.isArray(value)) return this.count(name, fallback);
    const [height, width] = value;
    if (value.length !== 2 || height !== width || !inRange(height, { integer: true, min: 1, max: 1 << 20 })) {
      this.fail(name, "one positive integer or two equal ones", "only square sizes are supported");
    }
    return height;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    return typeof value === "boolean" ? value : this.fail(name, "true or false");
  }

  /** `length` numbers. */
  numbers(name: string, length: number, range: Range, fallback: readonly number[]): number[] {
    const value = this.raw(name) ?? fallback;
    if (!Array.isArray(value) || value.length !== length || !value.every((element) => inRange(element, range))) {
      this.fail(name, `a list of ${length}, each ${rangeText(range)}`);
    }
    return [...value];
  }

  /** Ascending indices below `limit` as text, such as "0-11,13"; undefined where there are none. */
  indices(name: string, limit: number): number[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const indices = typeof value === "string" ? decodeRanges(value, limit) : undefined;
    return indices ?? this.fail(name, `ascending ranges below ${limit} such as "0-11,13"`);
  }

  /** Translates one of the spellings that `choices` lists. */
  choice<T>(name: string, choices: Readonly<Record<string, T>>, fallback: string): T {
    const value = String(this.raw(name) ?? fallback);
    if (Object.hasOwn(choices, value)) return choices[value];
    return this.fail(name, Object.keys(choices).map(quote).join(" or "), "nothing else is supported");
  }

  /** Refuses options that change what the model computes in a way this library does not implement. */
  refuseOptions(neutral: Readonly<Record<string, readonly unknown[]>>): void {
    for (const [name, allowed] of Object.entries(neutral)) {
      const value = this.raw(name);
      if (value !== undefined && !allowed.includes(value)) {
        this.fail(name, allowed.map(quote).join(" or ") || "absent", "this option is not supported");
      }
    }
  }
}

function inRange(
  value: unknown,
  { min = -Infinity, max = Infinity, above = -Infinity, integer }: Range,
): value is number {
  if (typeof value !== "number" || !Number.isFinite(value) || (integer && !Number.isSafeInteger(value))) return false;
  return value >= min && value <= max && value > above;
}

function rangeText({ min, max, above, integer }: Range): string {
  const bounds = [
    min === undefined ? "" : `at least ${min}`,
    above === undefined ? "" : `above ${above}`,
    max === undefined ? "" : `at most ${max}`,
  ];
  return [integer ? "an integer" : "a number", bounds.filter(Boolean).join(" and ")].filter(Boolean).join(" ");
}
