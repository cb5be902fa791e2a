/** How much two sets of masks agree. */
import { assertSameShape } from "./algebra.js";
import type { HostMask, MaskSet } from "./masks.js";

/** Two masks compared, value by value. */
export interface Overlap {
  /** Values in the parameter. */
  readonly total: number;
  readonly keptByFirst: number;
  readonly keptBySecond: number;
  readonly keptByBoth: number;
  /** Kept by both over kept by either; 1 where neither keeps any. */
  readonly intersectionOverUnion: number;
  /** Part of the values for which both say the same, in [0, 1]. */
  readonly agreement: number;
}

/** The overlap of each parameter that has a mask in either set, and of all of them taken as one. */
export interface MaskOverlap {
  readonly all: Overlap;
  readonly layers: ReadonlyMap<string, Overlap>;
}

type Counts = Pick<Overlap, "total" | "keptByFirst" | "keptBySecond" | "keptByBoth">;

function withRatios(counts: Counts): Overlap {
  const { total, keptByFirst, keptBySecond, keptByBoth } = counts;
  const union = keptByFirst + keptBySecond - keptByBoth;
  return {
    ...counts,
    intersectionOverUnion: union === 0 ? 1 : keptByBoth / union,
    agreement: total === 0 ? 1 : (total - union + keptByBoth) / total,
  };
}

function countKept(first: Uint8Array, second: Uint8Array): Counts {
  let keptByFirst = 0;
  let keptBySecond = 0;
  let keptByBoth = 0;
  for (let i = 0; i < first.length; i++) {
    keptByFirst += first[i];
    keptBySecond += second[i];
    keptByBoth += first[i] & second[i];
  }
  return { total: first.length, keptByFirst, keptBySecond, keptByBoth };
}

const whole = ({ shape, data }: HostMask): HostMask => ({ shape, data: new Uint8Array(data.length).fill(1) });

/** Compares two sets of masks; a parameter that only one has a mask for counts as whole in the other. @throws ShapeError for masks of different models. */
export function maskOverlap(first: MaskSet, second: MaskSet): MaskOverlap {
  const layers = new Map<string, Overlap>();
  const sums = { total: 0, keptByFirst: 0, keptBySecond: 0, keptByBoth: 0 };
  for (const [name, mask] of new Map([...first, ...second])) {
    const a = first.get(name) ?? whole(mask);
    const b = second.get(name) ?? whole(mask);
    assertSameShape(name, a, b);
    const counts = countKept(a.data, b.data);
    layers.set(name, withRatios(counts));
    for (const key of Object.keys(sums) as (keyof Counts)[]) sums[key] += counts[key];
  }
  return { all: withRatios(sums), layers };
}
