/** Masks combined on the host. A parameter that a set has no mask for is whole: all of it is kept. */
import { ShapeError } from "../../errors.js";
import { keyedGenerator, shuffled } from "../../train/random.js";
import type { HostMask, MaskSet } from "./masks.js";

/** @throws ShapeError for masks of different models. */
export function assertSameShape(name: string, a: HostMask, b: HostMask): void {
  if (a.shape.join() === b.shape.join()) return;
  throw new ShapeError(`mask ${name}: expected shape [${a.shape}], got [${b.shape}]; use masks of one model`);
}

function combine(name: string, a: HostMask, b: HostMask, bit: (a: number, b: number) => number): HostMask {
  assertSameShape(name, a, b);
  return { shape: a.shape, data: a.data.map((value, index) => bit(value, b.data[index])) };
}

/** Keeps what every set keeps. @throws ShapeError for masks of different models. */
export function andMasks(...sets: readonly MaskSet[]): Map<string, HostMask> {
  const result = new Map<string, HostMask>();
  for (const [name, mask] of sets.flatMap((set) => [...set])) {
    const before = result.get(name);
    result.set(name, before ? combine(name, before, mask, (a, b) => a & b) : mask);
  }
  return result;
}

/** Keeps what any set keeps; a parameter that one of them leaves whole has no mask. @throws ShapeError for masks of different models. */
export function orMasks(first: MaskSet, ...others: readonly MaskSet[]): Map<string, HostMask> {
  const result = new Map<string, HostMask>();
  for (const [name, mask] of first) {
    if (!others.every((set) => set.has(name))) continue;
    result.set(
      name,
      others.reduce((kept, set) => combine(name, kept, set.get(name)!, (a, b) => a | b), mask),
    );
  }
  return result;
}

/** Keeps what was removed and removes what was kept, in the parameters that have a mask; the others stay whole. */
export function invertMasks(masks: MaskSet): Map<string, HostMask> {
  return new Map(
    [...masks].map(([name, { shape, data }]) => [name, { shape, data: data.map((bit) => 1 - bit) }] as const),
  );
}

/**
 * Permutes the bits of every mask within itself: as many are kept in each layer, at random places. This is the control that tells whether
 * a method finds more than good densities by layer (Frankle et al. 2021, "Pruning Neural Networks at Initialization: Why Are We Missing the Mark?").
 *
 * @param seed - the draw of a layer depends on it and on the layer's name only
 */
export function shuffleMasks(masks: MaskSet, seed: number): Map<string, HostMask> {
  return new Map(
    [...masks].map(([name, { shape, data }]) => {
      const letters = Array.from(name, (letter) => letter.codePointAt(0)!);
      const order = shuffled(data.length, keyedGenerator(seed, ...letters));
      return [name, { shape, data: data.map((_, index) => data[order[index]]) }] as const;
    }),
  );
}
