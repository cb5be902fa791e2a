/** UPop's unified ranking: which gates of a set go. Knows no model and no device; gates of any places, kinds and modalities are ranked together. */
import { GpuError, UsageError } from "../../errors.js";
import { checkMultiple, nearestMultiple } from "./multiples.js";

/** The gates of one place, such as the neurons of a block, and what their gradients add up to. */
export interface GateGradients {
  readonly key: string;
  /** Gates of one kind, such as "attn" or "mlp", are standardised together, whichever layer or modality they are of. */
  readonly kind: string;
  /** What leaving one gate out saves, such as its parameters. */
  readonly cost: number;
  /** Accumulated gradients, one a gate. A gate with a large one wants to shrink, so it goes first. */
  readonly gradients: Float32Array;
  /** The place keeps a multiple of so many gates, the nearest to what the threshold leaves it, or all. Default 1. */
  readonly multiple?: number;
}

/** Which gates stay, by key of their place. */
export interface GateRanking {
  /** Accumulated gradients less the mean of their kind, over its deviation. */
  readonly standardised: ReadonlyMap<string, Float64Array>;
  /** What lies above goes, but for the lowest of each place, and for what places with a multiple round. */
  readonly threshold: number;
  /** 1 for each gate that stays. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

/**
 * Ranks all gates by standardised gradient, the largest first, and finds the threshold at which the cost summed so far is nearest to `part` of the
 * whole. A gate stays that does not exceed the threshold, or is the lowest of its place, so that no place is emptied. (Shi et al. 2023, section 3.2.)
 * A place with a multiple keeps its lowest gates, as many as rounding leaves it, and the cost that is summed is that of those which then go.
 * @throws GpuError for gradients that are not finite; UsageError for a kind whose gradients are all equal, as they rank nothing.
 */
export function rankGates(places: readonly GateGradients[], part: number): GateRanking {
  for (const { multiple = 1 } of places) checkMultiple(multiple);
  const standardised = standardise(places);
  const { threshold, left } = thresholdOf(places, standardised, part);
  const kept = new Map(
    places.map((place) => {
      const values = standardised.get(place.key)!;
      return [place.key, rounds(place) ? lowest(values, staying(place, left.get(place)!)) : within(values, threshold)];
    }),
  );
  return { standardised, threshold, kept };
}

/** The published rule: the gate at the threshold stays, though its cost is counted as gone. */
function within(values: Float64Array, threshold: number): Uint8Array {
  const least = values.reduce((least, value) => Math.min(least, value));
  return Uint8Array.from(values, (value) => Number(value <= threshold || value === least));
}

function lowest(values: Float64Array, count: number): Uint8Array {
  const highestFirst = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const stay = new Set(highestFirst.slice(values.length - count));
  return Uint8Array.from(values, (_, gate) => Number(stay.has(gate)));
}

const rounds = ({ multiple = 1 }: GateGradients): boolean => multiple > 1;

/** How many gates of a place stay where the ranking leaves it `left`. */
function staying(place: GateGradients, left: number): number {
  const { multiple = 1, gradients } = place;
  return left === gradients.length || !rounds(place) ? left : nearestMultiple(left, multiple, gradients.length);
}

function standardise(places: readonly GateGradients[]): Map<string, Float64Array> {
  const moments = new Map([...new Set(places.map(({ kind }) => kind))].map((kind) => [kind, momentsOf(places, kind)]));
  return new Map(
    places.map(({ key, kind, gradients }) => {
      const { mean, deviation } = moments.get(kind)!;
      return [key, Float64Array.from(gradients, (gradient) => (gradient - mean) / deviation)];
    }),
  );
}

/** Mean, and standard deviation of a sample (n - 1). */
function momentsOf(places: readonly GateGradients[], kind: string): { mean: number; deviation: number } {
  const values: number[] = [];
  for (const place of places) {
    if (place.kind !== kind) continue;
    const wrong = place.gradients.find((gradient) => !Number.isFinite(gradient));
    if (wrong !== undefined) {
      throw new GpuError(
        `upop: expected finite gradients of the gates ${place.key}, got ${wrong}; lower the learning rate`,
      );
    }
    values.push(...place.gradients);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  if (variance > 0) return { mean, deviation: Math.sqrt(variance) };
  throw new UsageError(
    `upop: expected ${kind} gates whose gradients differ, got ${values.length} equal to ${values[0]}; search over data that the model can learn from, in a model with more than one such gate`,
  );
}

/**
 * The value at which the cost, summed from the largest value down, comes nearest to its part of the whole, the first one of several; and how many gates
 * of each place had not been counted by then.
 */
function thresholdOf(
  places: readonly GateGradients[],
  standardised: ReadonlyMap<string, Float64Array>,
  part: number,
): { threshold: number; left: ReadonlyMap<GateGradients, number> } {
  const gates = places.flatMap((place) => Array.from(standardised.get(place.key)!, (value) => ({ value, place })));
  gates.sort((a, b) => b.value - a.value);
  const wanted = part * places.reduce((sum, { cost, gradients }) => sum + cost * gradients.length, 0);
  const left = new Map(places.map((place) => [place, place.gradients.length]));
  let [sum, nearest, counted] = [0, Number.POSITIVE_INFINITY, 0];
  for (const [index, { place }] of gates.entries()) {
    const before = left.get(place)!;
    left.set(place, before - 1);
    sum += place.cost * (staying(place, before) - staying(place, before - 1));
    const distance = Math.abs(sum - wanted);
    if (distance >= nearest) continue;
    nearest = distance;
    counted = index + 1;
  }
  for (const { place } of gates.slice(counted)) left.set(place, left.get(place)! + 1);
  return { threshold: gates[counted - 1].value, left };
}
