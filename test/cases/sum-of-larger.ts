import { sumOfLarger } from "../../src/kernels/sum-of-larger.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { uniforms } from "../harness/random.js";
import {
  coarse,
  compareScores,
  constant,
  halfZeros,
  products,
  rankOrder,
  type ScoreFill,
  signed,
  special,
} from "../harness/scores.js";

const shapes: [fill: ScoreFill, count: number, offset: number, benchOnly?: boolean][] = [
  [signed, 1, 0],
  [signed, 1021, 33],
  [constant, 4099, 5],
  [halfZeros, 9973, 0],
  [coarse, 30_011, 64],
  [special, 2053, 3],
  [products, 70_001, 1],
  [products, 2_359_296, 0, true],
];

export const cases: KernelCase[] = shapes.map(([fill, count, offset, benchOnly]) => ({
  name: `sumOfLarger ${count} ${fill.name} from ${offset}`,
  inputs: () => {
    const length = offset + count + 3;
    return { scores: fill(length, count), values: uniforms(length, 7), y: new Float32Array(length).fill(-1) };
  },
  outputs: { y: { length: offset + count + 3 } },
  run: (gpu, { scores, values, y }) => sumOfLarger(gpu, { scores, values, y }, { offset, count }),
  oracle: ({ scores, values, y: before }) => {
    const y = Float64Array.from(before);
    const order = rankOrder(scores as Float32Array, offset, count).reverse();
    let sum = 0;
    for (let start = 0; start < count; ) {
      let end = start;
      while (end < count && compareScores(scores[order[end]], scores[order[start]]) === 0) sum += values[order[end++]];
      for (const i of order.subarray(start, end)) y[i] = sum;
      start = end;
    }
    return { y };
  },
  tolerance: sumOf(Math.log2(count) + 1),
  bytes: 84 * count,
  benchOnly,
}));
