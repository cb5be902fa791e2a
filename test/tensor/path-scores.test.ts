/** The scores of path exclusion put together from the operations that they need, against sums over paths in float64. */
import { expect, test } from "vitest";
import { activationBits, maskByteLength } from "../../src/kernels/index.js";
import {
  applyBits,
  backward,
  gate,
  type LinearAttributes,
  linear,
  powerOfTwoOf,
  sum,
  Tensor,
} from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { bit, maskWords, normals } from "../harness/random.js";

const [batch, inputs, hidden, outputs] = [5, 8, 12, 4];
const x = normals(batch * inputs, 1);
const weights = [normals(hidden * inputs, 2), normals(outputs * hidden, 3)];
const words = [maskWords(hidden * inputs, 4, 0.7), maskWords(outputs * hidden, 5, 0.7)];
const kept = (layer: number, i: number) => bit(words[layer], i);

/** theta^2 dR/d(theta^2) for R = sum over outputs o of z2[o] * (sum over examples b of z1[b, o]). */
function pathScores(): Float64Array[] {
  const fromInput = new Float64Array(hidden); // z2 up to a hidden unit
  const seen = new Float64Array(outputs); // z1 summed over the examples
  const onward = new Float64Array(hidden); // dR by z2 at a hidden unit
  const square = (layer: number, i: number) => weights[layer][i] ** 2 * kept(layer, i);
  for (let h = 0; h < hidden; h++) {
    for (let i = 0; i < inputs; i++) fromInput[h] += square(0, h * inputs + i);
    for (let b = 0; b < batch; b++) {
      let before = 0;
      let reached = 0;
      for (let i = 0; i < inputs; i++) {
        before += x[b * inputs + i] * weights[0][h * inputs + i] * kept(0, h * inputs + i);
        reached += x[b * inputs + i] ** 2 * kept(0, h * inputs + i);
      }
      if (before > 0) for (let o = 0; o < outputs; o++) seen[o] += reached * kept(1, o * hidden + h);
    }
  }
  for (let h = 0; h < hidden; h++) {
    for (let o = 0; o < outputs; o++) onward[h] += square(1, o * hidden + h) * seen[o];
  }
  return [
    Float64Array.from(weights[0], (_, i) => square(0, i) * onward[Math.floor(i / inputs)]),
    Float64Array.from(weights[1], (_, i) => square(1, i) * seen[Math.floor(i / hidden)] * fromInput[i % hidden]),
  ];
}

/** `scaled` brings the sums over the examples near one by a power of two, which is returned. */
async function scoresOnTape(scaled: boolean) {
  const gpu = await sharedGpu();
  const parameters = [Tensor.from(gpu, weights[0], [hidden, inputs]), Tensor.from(gpu, weights[1], [outputs, hidden])];
  for (const parameter of parameters) parameter.requiresGradient = true;
  const masks = words.map((word) => Tensor.from(gpu, word));
  const layer = (index: number, input: Tensor, attributes: LinearAttributes) =>
    linear({ x: input, weight: parameters[index], bias: undefined }, { mask: masks[index], ...attributes });

  const before = layer(0, Tensor.from(gpu, x, [batch, inputs]), {});
  const pattern = Tensor.empty(gpu, [maskByteLength(before.size) / 4], "u32");
  activationBits(gpu, { x: before, bits: pattern }, { length: before.size });
  const squares = Tensor.from(
    gpu,
    x.map((value) => value * value),
    [batch, inputs],
  );
  const z1 = layer(1, applyBits(layer(0, squares, { weightAs: "one" }), pattern), { weightAs: "one" });
  const seen = sum(z1, { outer: batch, length: outputs, inner: 1 }).detach();
  const scale = powerOfTwoOf(seen);

  const ofPaths = { weightAs: "square" } as const;
  const z2 = layer(1, layer(0, Tensor.from(gpu, new Float32Array(inputs).fill(1), [1, inputs]), ofPaths), ofPaths);
  const totals = parameters.map(({ shape }) => Tensor.zeros(gpu, shape));
  const sums = parameters.map((weight, i) => [weight, { term: "w * w * abs(g)", weight, total: totals[i] }] as const);
  backward(sum(gate(z2, scaled ? gate(seen, scale, seen.size) : seen, 1)), undefined, new Map(sums));
  const scores = await Promise.all(totals.map((total) => total.read()));
  return { scores, scale: scaled ? (await scale.read())[0] : 1, largest: Math.max(...(await seen.read())) };
}

test("scores are those of the sums over paths, zero where weights are removed", async () => {
  const want = pathScores();
  const { scores } = await scoresOnTape(false);
  for (const [layer, got] of scores.entries()) {
    got.forEach((score, i) => {
      expect(Math.abs(score - want[layer][i])).toBeLessThanOrEqual(3e-6 * want[layer][i]);
      if (!kept(layer, i)) expect(score).toBe(0);
    });
    expect(Math.max(...got)).toBeGreaterThan(0);
  }
});

test("a power of two on the way multiplies every score by itself, to the bit", async () => {
  const plain = await scoresOnTape(false);
  const scaled = await scoresOnTape(true);
  expect(scaled.largest * scaled.scale).toBeGreaterThanOrEqual(1);
  expect(scaled.largest * scaled.scale).toBeLessThan(2);
  expect(scaled.scale).not.toBe(1);
  expect(scaled.scores).toEqual(plain.scores.map((scores) => scores.map((score) => score * scaled.scale)));
});
