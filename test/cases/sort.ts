import { scoreKey } from "../../src/kernels/score-key.js";
import { type SortTile, sortScores } from "../../src/kernels/sort.js";
import { EXACT } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import {
  coarse,
  constant,
  halfZeros,
  products,
  rankOrder,
  type ScoreFill,
  signed,
  special,
} from "../harness/scores.js";

const HARDWARE: SortTile = { BITS: 4, GROUP: 128, EACH: 16 };
const SMALL: SortTile = { BITS: 8, GROUP: 8, EACH: 1 };

const shapes: [fill: ScoreFill, count: number, offset: number, tile?: SortTile, benchOnly?: boolean][] = [
  [signed, 1, 0],
  [signed, 2, 70],
  [signed, 31, 1],
  [signed, 1021, 2047],
  [special, 4096, 0],
  [special, 4099, 3],
  [constant, 5000, 17],
  [halfZeros, 9973, 33],
  [coarse, 70_001, 5],
  [products, 70_001, 64],
  [special, 10_007, 3, HARDWARE],
  [coarse, 2049, 0, HARDWARE],
  [coarse, 8191, 31, SMALL],
  [coarse, 8 * 65_536 + 1, 0, { BITS: 4, GROUP: 8, EACH: 1 }], // more groups than one dimension has
  [products, 5_700_000, 0, undefined, true],
];

export const cases: KernelCase[] = shapes.map(([fill, count, offset, tile, benchOnly]) => ({
  name: `sortScores ${count} ${fill.name} from ${offset}${tile ? `, ${tile.BITS} bits, ${tile.GROUP} x ${tile.EACH}` : ""}`,
  inputs: () => ({ scores: fill(offset + count + 3, count) }),
  outputs: { keys: { length: count, type: "u32" }, permutation: { length: count, type: "u32" } },
  run: (gpu, { scores, keys, permutation }) => sortScores(gpu, { scores, keys, permutation }, { offset, count }, tile),
  oracle: ({ scores }) => {
    const order = rankOrder(scores as Float32Array, offset, count);
    return { keys: Float64Array.from(order, (i) => scoreKey(scores[i])), permutation: order.map((i) => i - offset) };
  },
  tolerance: EXACT,
  bytes: 16 * 4 * count,
  benchOnly,
}));
