import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../../src/gpu/index.js";
import { type L1Penalty, TrainedGates } from "../../../src/prune/search/trained-gates.js";
import { Gradients, Tensor } from "../../../src/tensor/index.js";
import { sharedGpu } from "../../harness/gpu.js";
import { normals } from "../../harness/random.js";
import { tinyViT } from "../../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const PLACE = "blocks.0.mlp.neuron";
const RATES = [0.03, 0.02, 0.05, 0.01];

/** AdamW without decay and the two ways of a penalty, in float64. */
function oracle(start: Float32Array, gradients: readonly Float32Array[], { factor, step }: L1Penalty): Float64Array {
  const gates = Float64Array.from(start);
  const [m, v] = [new Float64Array(gates.length), new Float64Array(gates.length)];
  for (const [t, gradient] of gradients.entries()) {
    const rate = RATES[t];
    for (let i = 0; i < gates.length; i++) {
      const g = gradient[i] + (step === "subgradient" ? factor * Math.sign(gates[i]) : 0);
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const moments = m[i] / (1 - 0.9 ** (t + 1)) / (Math.sqrt(v[i] / (1 - 0.999 ** (t + 1))) + 1e-8);
      const next = gates[i] - rate * moments;
      gates[i] = step === "proximal" ? Math.sign(next) * Math.max(Math.abs(next) - rate * factor, 0) : next;
    }
  }
  return gates;
}

describe.each<L1Penalty>([
  { factor: 2, step: "proximal" },
  { factor: 0.3, step: "subgradient" },
])("$step", (penalty) => {
  test("steps are those of float64", async () => {
    const model = tinyViT(gpu);
    using gates = new TrainedGates(model, [PLACE, "blocks.1.attn.in"], penalty);
    const values = model.gates.get(PLACE)!;
    const start = normals(values.size, 3, 0.2);
    values.write(start);
    const gradients = RATES.map((_, t) => normals(values.size, 10 + t, t === 1 ? 1e-3 : 1));
    for (const [t, gradient] of gradients.entries()) {
      gates.prepare(t, RATES[t]);
      gates.update(new Gradients(new Map([[values, Tensor.from(gpu, gradient)]])));
    }
    const got = (await gates.read()).get(PLACE)!;
    const want = oracle(start, gradients, penalty);
    for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - want[i])).toBeLessThan(2e-6);
    const zeros = (list: Iterable<number>) => [...list].filter((value) => value === 0).length;
    expect(zeros(got)).toBe(zeros(want));
    if (penalty.step === "proximal") expect(zeros(got)).toBeGreaterThan(0);
  });
});

test("gates start at one, without a gradient stay, and leave with their owner", async () => {
  const model = tinyViT(gpu);
  {
    using gates = new TrainedGates(model, [PLACE], { factor: 1, step: "proximal" });
    gates.prepare(0, 0.1);
    gates.update(new Gradients(new Map()));
    expect([...(await gates.read()).get(PLACE)!]).toEqual(new Array(32).fill(1));
    expect(() => new TrainedGates(model, [PLACE], { factor: 1, step: "proximal" })).toThrow(
      /gate blocks\.0\.mlp\.neuron: expected a free place, got one with a gate; clear/,
    );
    expect(model.gates.get(PLACE)).toBeDefined();
  }
  expect([...model.gates]).toEqual([]);
});
