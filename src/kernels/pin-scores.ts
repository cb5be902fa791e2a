/** Takes units out of the ranking: those that are pruned already, and those that have to stay. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Scores, changed in place, and keep bits over them. */
export interface PinBuffers {
  readonly scores: BufferLike;
  readonly keep: BufferLike;
}

/** Ranks every unit whose bit in `keep` is 0 below all others, minus infinity included: it is pruned before any other. In place. */
export function demotePruned(gpu: Gpu, buffers: PinBuffers, { length }: { length: number }): void {
  pin(gpu, "demotePruned", buffers, length, {});
}

/** Ranks every unit whose bit in `keep` is 1 above all others, NaN included: it is kept before any other. In place. */
export function promoteKept(gpu: Gpu, buffers: PinBuffers, { length }: { length: number }): void {
  pin(gpu, "promoteKept", buffers, length, { SCORE: "STAYING_SCORE", KEPT: true });
}

function pin(gpu: Gpu, op: string, { scores, keep }: PinBuffers, length: number, constants: object): void {
  requireSizes(op, { length });
  requireElements(op, { scores, keep }, { scores: length, keep: Math.ceil(length / 32) });
  dispatchElementwise(gpu, shaders.pin_scores, { buffers: { keep, scores }, constants }, length);
}
