/** Which units are ranked together, and how many of a group may stay. */
import { UsageError } from "../errors.js";
import type { PerGroup, SelectOptions } from "./select-options.js";
import type { PlacedGroup, Scope, UnitSpace } from "./units.js";

/** Groups that are ranked together, which lie side by side. */
export interface RankedRange {
  readonly offset: number;
  readonly count: number;
  readonly groups: readonly LimitedGroup[];
}

/** A group with the numbers of units that may stay; its limits are multiples too. */
export interface LimitedGroup extends PlacedGroup {
  /** Units, as ranges name them. */
  readonly count: number;
  readonly least: number;
  readonly most: number;
  /** Kept units are a multiple of this, or all. */
  readonly multiple: number;
}

/** The ranges of a scope, in the order in which they lie. @throws UsageError when groups of one key lie apart, or a group's limits leave no choice. */
export function rankedRanges(space: UnitSpace, options: SelectOptions): RankedRange[] {
  const { scope = "global" } = options;
  const parts = scope === "row" ? space.groups.flatMap(rowsOf) : [...space.groups];
  const groups = parts.sort((a, b) => a.offset - b.offset).map((group) => limited(group, options));
  const ranges = new Map<string, LimitedGroup[]>();
  let last: string | undefined;
  for (const group of groups) {
    const key = keyOf(group, scope);
    if (key !== last && ranges.has(key)) {
      throw new UsageError(
        `scope: expected groups of one key side by side, got ${group.name} apart from others of "${key}"; give unitSpace the same scope`,
      );
    }
    ranges.set(key, [...(ranges.get(key) ?? []), group]);
    last = key;
  }
  return Array.from(ranges.values(), (groups) => ({
    offset: groups[0].offset,
    count: groups.reduce((sum, { units }) => sum + units, 0),
    groups,
  }));
}

function keyOf(group: PlacedGroup, scope: Scope): string {
  if (typeof scope === "function") return scope(group);
  return scope === "global" ? "" : group.name;
}

/** The weights of each output as a group. @throws UsageError for units that are not the single weights of a layer. */
function rowsOf(group: PlacedGroup): PlacedGroup[] {
  const { name, inputs, units, offset } = group;
  if (inputs === undefined) {
    throw new UsageError(`scope: expected the single weights of layers for row, got ${name}; use layer or global`);
  }
  return Array.from({ length: units / inputs }, (_, row) => ({
    ...group,
    name: `${name} row ${row}`,
    units: inputs,
    offset: offset + row * inputs,
  }));
}

const valueFor = (group: PlacedGroup, value: PerGroup): number => (typeof value === "function" ? value(group) : value);

function limited(group: PlacedGroup, { floor = 0, ceiling, multipleOf = 1 }: SelectOptions): LimitedGroup {
  const { name, units } = group;
  const least = unitsOf("floor", group, floor, Math.ceil);
  const most = ceiling === undefined ? units : unitsOf("ceiling", group, ceiling, Math.floor);
  if (least > most) {
    throw new UsageError(`floor: expected at most the ceiling of ${name}, ${most} units, got ${least}; correct one`);
  }
  const multiple = valueFor(group, multipleOf);
  if (!Number.isInteger(multiple) || multiple < 1) {
    throw new UsageError(`multipleOf: expected 1 or more for ${name}, got ${multiple}; correct it`);
  }
  const limits = { units, least, most, multiple };
  const allowed = { least: allowedFrom(least, limits), most: allowedUpTo(most, limits) };
  if (allowed.least === undefined || allowed.most === undefined) {
    throw new UsageError(
      `multipleOf: expected a multiple of ${multiple} among the ${least} to ${most} units that ${name} may keep, got none; widen floor and ceiling`,
    );
  }
  return { ...group, count: units, multiple, least: allowed.least, most: allowed.most };
}

/** Far more than floating point loses in `part * units`, far less than a unit. */
const ROUNDING = 1e-6;

function unitsOf(what: string, group: PlacedGroup, value: PerGroup, round: (x: number) => number): number {
  const { name, units } = group;
  const given = valueFor(group, value);
  if (!(given >= 0) || (given >= 1 && !Number.isInteger(given))) {
    throw new UsageError(
      `${what}: expected a part below 1 or a whole number of units for ${name}, got ${given}; correct it`,
    );
  }
  if (given >= 1) return Math.min(given, units);
  const part = given * units;
  const nearest = Math.round(part);
  return Math.abs(part - nearest) < ROUNDING ? nearest : round(part);
}

type Limits = Pick<LimitedGroup, "units" | "least" | "most" | "multiple">;

/** The smallest number of units from `kept` on that the group may keep; undefined when there is none. */
export function allowedFrom(kept: number, { units, least, most, multiple }: Limits): number | undefined {
  const up = Math.ceil(Math.max(kept, least) / multiple) * multiple;
  if (up <= most) return up;
  return most >= units && kept <= units ? units : undefined;
}

/** The largest number of units up to `kept` that the group may keep; undefined when there is none. */
export function allowedUpTo(kept: number, { units, least, most, multiple }: Limits): number | undefined {
  if (kept >= units && most >= units) return units;
  const down = Math.floor(Math.min(kept, most) / multiple) * multiple;
  return down >= least ? down : undefined;
}
