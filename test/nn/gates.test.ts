/**
 * The law of gates: a 0/1 gate gives what the network gives when the weights of the removed units are zero. It is checked at every site, on
 * random networks, against weights that are zeroed on the host.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { FloatTensor } from "../../src/io/index.js";
import { parseModelConfig, type ViTConfig } from "../../src/io/index.js";
import { type ForwardOptions, initialViTWeights, TrainingPass, ViT } from "../../src/nn/index.js";
import { attention, backward, sum, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, randomGenerator } from "../harness/random.js";

const config = parseModelConfig(
  { img_size: 12, patch_size: 4, in_chans: 2, embed_dim: 12, depth: 2, num_heads: 3, mlp_ratio: 2, num_classes: 5 },
  "test",
) as ViTConfig;

type Weights = Map<string, FloatTensor>;

/** Zeroes the elements of a [rows, columns] weight for which `removed` says so. */
function zero(weights: Weights, name: string, removed: (row: number, column: number) => boolean): void {
  const { shape, data } = weights.get(name)!;
  const columns = shape.length > 1 ? data.length / shape[0] : 1;
  weights.set(name, {
    shape,
    data: data.map((value, i) => (removed(Math.floor(i / columns), i % columns) ? 0 : value)),
  });
}

/** For each site: which weights are zeroed when the units with a 0 in `g` go. */
const SITES: Record<string, (weights: Weights, g: Float32Array) => void> = {
  "blocks.1.attn.in": (w, g) => zero(w, "blocks.1.attn.qkv.weight", (_, column) => g[column] === 0),
  "blocks.1.attn.head": (w, g) => zero(w, "blocks.1.attn.proj.weight", (_, column) => g[Math.floor(column / 4)] === 0),
  "blocks.1.attn.out": (w, g) => zero(w, "blocks.1.attn.proj.weight", (_, column) => g[column] === 0),
  "blocks.0.attn.qkvHead": (w, g) => {
    for (const part of ["weight", "bias"])
      zero(w, `blocks.0.attn.qkv.${part}`, (row) => g[Math.floor(row / 4) % 3] === 0);
  },
  "blocks.1.attn.residual": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.1.attn.proj.${part}`, (row) => g[row] === 0);
  },
  "blocks.1.mlp.residual": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.1.mlp.fc2.${part}`, (row) => g[row] === 0);
  },
  "blocks.0.attn.headDim": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.0.attn.qkv.${part}`, (row) => g[row % g.length] === 0);
  },
  "blocks.0.mlp.in": (w, g) => zero(w, "blocks.0.mlp.fc1.weight", (_, column) => g[column] === 0),
  "blocks.0.mlp.hidden": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.0.mlp.fc1.${part}`, (row) => g[row] === 0);
  },
  "blocks.0.mlp.neuron": (w, g) => zero(w, "blocks.0.mlp.fc2.weight", (_, column) => g[column] === 0),
  "blocks.1.block.attn": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.1.attn.proj.${part}`, () => g[0] === 0);
  },
  "blocks.1.block.mlp": (w, g) => {
    for (const part of ["weight", "bias"]) zero(w, `blocks.1.mlp.fc2.${part}`, () => g[0] === 0);
  },
  "blocks.0.block": (w, g) => {
    for (const layer of ["attn.proj", "mlp.fc2"]) {
      for (const part of ["weight", "bias"]) zero(w, `blocks.0.${layer}.${part}`, () => g[0] === 0);
    }
  },
  embed: (w, g) => {
    for (const block of [0, 1]) {
      for (const layer of ["attn.qkv", "mlp.fc1"]) {
        zero(w, `blocks.${block}.${layer}.weight`, (_, column) => g[column] === 0);
      }
    }
    zero(w, "head.weight", (_, column) => g[column] === 0);
  },
};

const weightsOf = (seed: number): Weights => {
  // Larger than the usual initialisation, so that every path matters; biases too.
  const weights = initialViTWeights(config, seed);
  let index = 0;
  for (const [name, { shape, data }] of weights) {
    const scale = name.includes("norm") ? 1 : 0.3;
    const noise = normals(data.length, seed + index++, scale);
    weights.set(name, { shape, data: data.map((value, i) => value + noise[i]) });
  }
  return weights;
};

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

describe.each(Object.entries(SITES))("gate at %s", (key, cut) => {
  test.each([1, 2])("equals the network without the removed units (seed %i)", async (seed) => {
    using _scope = gpu.scope();
    const images = Tensor.from(gpu, normals(3 * 2 * 12 * 12, seed), [3, 2, 12, 12]);
    const gated = new ViT(gpu, config, weightsOf(seed));
    for (const units of gated.gates.places.get(key)!.units) {
      const next = randomGenerator(seed + units);
      const g = Float32Array.from({ length: units }, () => (units > 1 && next() < 0.5 ? 1 : 0));
      gated.gates.set(key, Tensor.from(gpu, g));
      const weights = weightsOf(seed);
      cut(weights, g);
      const got = await gated.forward(images).logits.read();
      const want = await new ViT(gpu, config, weights).forward(images).logits.read();
      const largest = Math.max(...want.map(Math.abs));
      expect(Math.max(...got.map((value, i) => Math.abs(value - want[i]))) / largest).toBeLessThan(1e-5);
      gated.gates.set(key, undefined);
      const dense = await gated.forward(images).logits.read();
      expect(dense).not.toEqual(got);
    }
  });

  test("gets a gradient when it asks for one", async () => {
    using _scope = gpu.scope();
    const model = new ViT(gpu, config, weightsOf(3));
    const units = model.gates.places.get(key)!.units[0];
    const g = Tensor.from(gpu, new Float32Array(units).fill(1));
    g.requiresGradient = true;
    model.gates.set(key, g);
    const images = Tensor.from(gpu, normals(2 * 2 * 12 * 12, 4), [2, 2, 12, 12]);
    const gradient = await backward(sum(model.forward(images).logits))
      .get(g)!
      .read();
    expect(gradient.length).toBe(units);
    expect(gradient.some((value) => Math.abs(value) > 1e-4)).toBe(true);
  });
});

test("a closed token is one that no query sees", async () => {
  using _scope = gpu.scope();
  const model = new ViT(gpu, config, weightsOf(2));
  const images = normals(2 * 12 * 12, 5);
  const moved = images.slice();
  // The last patch of both channels: token 9, behind the class token.
  for (const channel of [0, 1])
    for (let y = 8; y < 12; y++) for (let x = 8; x < 12; x++) moved[channel * 144 + y * 12 + x] += 3;
  const logits = async (data: Float32Array) => [
    ...(await model.forward(Tensor.from(gpu, data, [1, 2, 12, 12])).logits.read()),
  ];
  expect(await logits(moved)).not.toEqual(await logits(images));
  const open = new Float32Array(10).fill(1);
  open[9] = 0;
  model.gates.set("token", Tensor.from(gpu, open));
  expect(await logits(moved)).toEqual(await logits(images));
});

test("every place for a gate is covered here", () => {
  const site = (key: string) => key.replace(/^blocks\.\d+\./, "");
  const model = new ViT(gpu, config, weightsOf(1));
  const covered = new Set([...Object.keys(SITES).map(site), "token"]);
  expect(new Set([...model.gates.places.keys()].map(site))).toEqual(covered);
  model.release();
});

test("an absent gate records nothing, and one at a layer's result no pass of its own", async () => {
  using _scope = gpu.scope();
  const model = new ViT(gpu, config, weightsOf(1));
  const images = Tensor.zeros(gpu, [1, 2, 12, 12]);
  const dispatches = () => {
    const before = gpu.counters.dispatches;
    model.forward(images);
    return gpu.counters.dispatches - before;
  };
  const plain = dispatches();
  for (const [place, width] of Object.entries({ "mlp.neuron": 24, "mlp.residual": 12, "attn.headDim": 36 })) {
    model.gates.set(`blocks.0.${place}`, Tensor.from(gpu, new Float32Array(width).fill(1)));
    expect(dispatches(), place).toBe(plain);
  }
  model.gates.set("blocks.0.mlp.in", Tensor.from(gpu, new Float32Array(12).fill(1)));
  expect(dispatches()).toBe(plain + 1);
});

test("a gate of heads is in the kernel of attention, and behind what takes its place", async () => {
  using _scope = gpu.scope();
  const model = new ViT(gpu, config, weightsOf(1));
  const images = Tensor.from(gpu, normals(2 * 2 * 12 * 12, 5), [2, 2, 12, 12]);
  const site = "blocks.1.attn.head";
  const contexts = (options: ForwardOptions = {}) => {
    const before = gpu.counters.dispatches;
    let seen: Tensor | undefined;
    const look = (key: string, x: Tensor) => void (key === site && (seen = x));
    model.forward(images, { ...options, observer: { site: look } });
    return { seen: seen!, dispatches: gpu.counters.dispatches - before };
  };
  const plain = contexts();
  model.gates.set(site, Tensor.from(gpu, Float32Array.of(-0.5, 0, 2)));
  const gated = contexts();
  const substituted = contexts({ attention: (qkv, attributes, _, keyGate) => attention(qkv, attributes, keyGate) });
  expect(gated.dispatches).toBe(plain.dispatches);
  expect(substituted.dispatches).toBe(plain.dispatches + 1);
  const before = await plain.seen.read();
  for (const { seen } of [gated, substituted]) {
    const after = await seen.read();
    before.forEach(
      (value, i) => void expect(after[i], `${i}`).toBeCloseTo([-0.5, 0, 2][Math.floor(i / 4) % 3] * value, 5),
    );
  }
});

test("a gate of ones leaves the draws of dropout as they are", async () => {
  const images = normals(2 * 2 * 12 * 12, 5);
  for (const rates of [{ dropRate: 0.5 }, { dropRate: 0.5, posDropRate: 0.5 }, { dropRate: 0.5, projDropRate: 0.5 }]) {
    const model = new ViT(gpu, { ...config, ...rates }, initialViTWeights(config, 1));
    const logits = async () => {
      const training = new TrainingPass(Tensor.from(gpu, Uint32Array.of(3, 1)));
      return model.forward(Tensor.from(gpu, images, [2, 2, 12, 12]), { training }).logits.read();
    };
    const plain = await logits();
    model.gates.set("blocks.0.mlp.residual", Tensor.from(gpu, new Float32Array(12).fill(1)));
    const gated = await logits();
    plain.forEach((value, i) => void expect(gated[i], `${i}`).toBeCloseTo(value, 5));
    model.release();
  }
});

test("unknown sites and wrong sizes are named", () => {
  const model = new ViT(gpu, config, weightsOf(1));
  expect(() => model.gates.set("blocks.7.attn.head", Tensor.from(gpu, new Float32Array(3)))).toThrow(
    /gate: expected one of .*"blocks.7/,
  );
  expect(() => model.gates.set("blocks.0.attn.head", Tensor.from(gpu, new Float32Array(4)))).toThrow(
    /expected 3 values, got \[4\]/,
  );
  expect(() => model.forward(Tensor.zeros(gpu, [1, 3, 12, 12]))).toThrow(
    /vit: expected images \[N, 2, 12, 12\], got \[1,3,12,12\]/,
  );
});
