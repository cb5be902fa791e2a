import { demotePruned, promoteKept } from "../../src/kernels/pin-scores.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { bit, maskWords } from "../harness/random.js";
import { special } from "../harness/scores.js";

/** Scores are compared as words: what takes the place of a score is a NaN that means something. */
const words = (length: number) => new Uint32Array(special(length, length).buffer);

const pinCase = (length: number, pin: typeof demotePruned, kept: 0 | 1, marker: number): KernelCase => ({
  name: `${pin.name} ${length}`,
  inputs: () => ({ scores: words(length), keep: maskWords(length, 3) }),
  outputs: { scores: { length, type: "u32" } },
  run: (gpu, { scores, keep }) => pin(gpu, { scores, keep }, { length }),
  oracle: ({ scores, keep }) => ({
    scores: Float64Array.from(scores, (word, i) => (bit(keep as Uint32Array, i) === kept ? marker : word)),
  }),
  tolerance: EXACT,
  bytes: 8.125 * length,
});

export const cases: KernelCase[] = [1, 31, 1021, 300_007].flatMap((length) => [
  pinCase(length, demotePruned, 0, 0xffa00001),
  pinCase(length, promoteKept, 1, 0x7fa00001),
]);
