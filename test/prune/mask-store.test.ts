import { describe, expect, test } from "vitest";
import { encodeSafetensors, parseModelConfig, type ViTConfig } from "../../src/io/index.js";
import { type PrunableLayer, vitLayers } from "../../src/nn/index.js";
import {
  andMasks,
  encodeMasks,
  type HostMask,
  invertMasks,
  layeredGraph,
  liveUnits,
  type MaskSet,
  maskOverlap,
  orMasks,
  parseMasks,
  shuffleMasks,
} from "../../src/prune/index.js";
import { randomGenerator } from "../harness/random.js";
import { TINY_JSON } from "../harness/tiny-vit.js";

const mask = (shape: readonly number[], ...data: readonly number[]): HostMask => ({
  shape,
  data: Uint8Array.from(data),
});

function randomMask(rows: number, columns: number, seed: number, density = 0.5): HostMask {
  const random = randomGenerator(seed);
  return mask([rows, columns], ...Array.from({ length: rows * columns }, () => Number(random() < density)));
}

const count = ({ data }: HostMask): number => data.reduce((sum, bit) => sum + bit, 0);

const a: MaskSet = new Map([
  ["x.weight", mask([2, 2], 1, 1, 0, 0)],
  ["y.weight", mask([3], 1, 0, 1)],
]);
const b: MaskSet = new Map([
  ["x.weight", mask([2, 2], 1, 0, 1, 0)],
  ["z.weight", mask([1], 0)],
]);

describe("algebra", () => {
  test("and keeps what all keep; a parameter without a mask is whole", () => {
    expect(andMasks(a, b)).toEqual(
      new Map([
        ["x.weight", mask([2, 2], 1, 0, 0, 0)],
        ["y.weight", mask([3], 1, 0, 1)],
        ["z.weight", mask([1], 0)],
      ]),
    );
  });

  test("or keeps what any keeps", () => {
    expect(orMasks(a, b)).toEqual(new Map([["x.weight", mask([2, 2], 1, 1, 1, 0)]]));
  });

  test("De Morgan's laws hold for random masks of one model", () => {
    const [p, q, r] = [1, 2, 3].map((seed) => new Map([["w", randomMask(7, 9, seed)]]));
    expect(invertMasks(andMasks(p, q, r))).toEqual(orMasks(invertMasks(p), invertMasks(q), invertMasks(r)));
    expect(invertMasks(invertMasks(p))).toEqual(p);
  });

  test("masks of other shapes are refused", () => {
    const other = new Map([["x.weight", mask([4], 1, 1, 1, 1)]]);
    for (const pair of [andMasks, orMasks, maskOverlap]) {
      expect(() => pair(a, other)).toThrow("mask x.weight: expected shape [2,2], got [4]; use masks of one model");
    }
  });
});

describe("shuffle", () => {
  const masks = new Map([
    ["x.weight", randomMask(40, 50, 1, 0.1)],
    ["y.weight", randomMask(40, 50, 2, 0.1)],
  ]);

  test("keeps the count of each layer and moves the bits", () => {
    const shuffled = shuffleMasks(masks, 3);
    for (const [name, before] of masks) expect(count(shuffled.get(name)!)).toBe(count(before));
    // Two independent masks of density 0.1 share a tenth of what they keep.
    const { layers } = maskOverlap(masks, shuffled);
    for (const { keptByBoth, keptByFirst } of layers.values()) expect(keptByBoth / keptByFirst).toBeLessThan(0.25);
  });

  test("depends on the seed and the layer's name, not on the other layers", () => {
    expect(shuffleMasks(masks, 3)).toEqual(shuffleMasks(masks, 3));
    expect(shuffleMasks(masks, 4)).not.toEqual(shuffleMasks(masks, 3));
    const alone = shuffleMasks(new Map([["y.weight", masks.get("y.weight")!]]), 3);
    expect(alone.get("y.weight")).toEqual(shuffleMasks(masks, 3).get("y.weight"));
    const same = shuffleMasks(new Map([...masks.keys()].map((name) => [name, masks.get("x.weight")!])), 3);
    expect(same.get("x.weight")).not.toEqual(same.get("y.weight"));
  });
});

test("overlap counts by layer and over all", () => {
  const { all, layers } = maskOverlap(a, b);
  expect(layers.get("x.weight")).toEqual({
    total: 4,
    keptByFirst: 2,
    keptBySecond: 2,
    keptByBoth: 1,
    intersectionOverUnion: 1 / 3,
    agreement: 0.5,
  });
  expect(layers.get("y.weight")).toMatchObject({ keptByFirst: 2, keptBySecond: 3, keptByBoth: 2, agreement: 2 / 3 });
  expect(all).toEqual({
    total: 8,
    keptByFirst: 5,
    keptBySecond: 5,
    keptByBoth: 3,
    intersectionOverUnion: 3 / 7,
    agreement: 0.5,
  });
  const empty = new Map([["x.weight", mask([2], 0, 0)]]);
  expect(maskOverlap(empty, empty).all).toMatchObject({ intersectionOverUnion: 1, agreement: 1 });
  expect(maskOverlap(new Map(), new Map()).all).toMatchObject({ total: 0, intersectionOverUnion: 1, agreement: 1 });
});

describe("files", () => {
  test("return the masks that were written, under either naming", () => {
    const masks = new Map([
      ["blocks.0.attn.qkv.weight", randomMask(6, 2, 1)],
      ["head.bias", mask([3], 1, 0, 1)],
    ]);
    for (const naming of ["timm", "vit", "deit"] as const) {
      expect(parseMasks(encodeMasks(masks, naming), "masks")).toEqual(masks);
    }
    expect(encodeMasks(masks)).toEqual(encodeMasks(masks, "timm"));
  });

  test("that hold no masks are refused", () => {
    const weights = encodeSafetensors([["w", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]);
    expect(() => parseMasks(weights, "m")).toThrow("m: expected masks as U8 or BOOL, got F32 in w");
    const bytes = encodeSafetensors([["w", { dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) }]]);
    expect(() => parseMasks(bytes, "m")).toThrow("m: w: expected values 0 and 1, got others");
  });
});

const linear = (name: string, kind: PrunableLayer["kind"], inputs: number, out: number): PrunableLayer => ({
  name,
  kind,
  in: inputs,
  out,
  hasBias: true,
  applications: 1,
});

describe("layered graph", () => {
  /** 2 -> 3 -> 2 -> 1. Neuron 1 of the first layer only leads to a dead one; neuron 2 has edges in but none out. */
  const layers = [
    linear("lin.0", "linear", 2, 3),
    linear("lin.1", "linear", 3, 2),
    linear("lin.2", "classifier", 2, 1),
  ];
  const masks: MaskSet = new Map([
    ["lin.0.weight", mask([3, 2], 1, 0, 0, 1, 1, 1)],
    ["lin.1.weight", mask([2, 3], 1, 0, 0, 0, 1, 0)],
    ["lin.2.weight", mask([1, 2], 1, 0)],
  ]);

  test("has the kept weights as edges and counts them at its nodes", () => {
    const graph = layeredGraph(masks, layers);
    expect(graph.layers.map(({ edgeCount }) => edgeCount)).toEqual([4, 2, 1]);
    const [first, second] = graph.layers;
    expect([...first.inDegree]).toEqual([1, 1, 2]);
    expect([...second.outDegree]).toEqual([1, 1, 0]);
    expect([...second.edges()]).toEqual([
      { input: 0, output: 0 },
      { input: 1, output: 1 },
    ]);
    expect(graph.layers.map(({ source }) => source)).toEqual([
      undefined,
      { layer: "lin.0", firstOutput: 0 },
      { layer: "lin.1", firstOutput: 0 },
    ]);
  });

  test("lives where a path leads through", () => {
    const live = liveUnits(layeredGraph(masks, layers));
    expect(
      [...live].map(([name, { inputs, outputs, edgeCount }]) => [name, [...inputs], [...outputs], edgeCount]),
    ).toEqual([
      ["lin.0", [1, 0], [1, 0, 0], 1],
      ["lin.1", [1, 0, 0], [1, 0], 1],
      ["lin.2", [1, 0], [1], 1],
    ]);
  });

  test("is dead from end to end when one layer is", () => {
    const cut = new Map([...masks, ["lin.1.weight", mask([2, 3], 0, 0, 0, 0, 0, 0)]]);
    for (const { inputs, outputs, edgeCount } of liveUnits(layeredGraph(cut, layers)).values()) {
      expect([...inputs, ...outputs, edgeCount].every((value) => value === 0)).toBe(true);
    }
  });

  test("agrees with counting paths through random masks", () => {
    const sizes = [7, 11, 9, 5];
    const deep = sizes.slice(1).map((out, i) => linear(`lin.${i}`, i < 2 ? "linear" : "classifier", sizes[i], out));
    for (let seed = 0; seed < 20; seed++) {
      const random = new Map(
        deep.map(({ name, in: n, out }, i) => [`${name}.weight`, randomMask(out, n, seed * 3 + i, 0.15)]),
      );
      const bits = deep.map(({ name }) => random.get(`${name}.weight`)!.data);
      // Paths from the inputs to each unit, and from each unit to the outputs.
      const into = [new Array<number>(sizes[0]).fill(1)];
      for (const [i, { in: n, out }] of deep.entries()) {
        into.push(
          Array.from({ length: out }, (_, o) => into[i].reduce((sum, paths, x) => sum + paths * bits[i][o * n + x], 0)),
        );
      }
      const outOf: number[][] = sizes.map((size) => new Array<number>(size).fill(1));
      for (let i = 2; i >= 0; i--) {
        const { in: n } = deep[i];
        outOf[i] = outOf[i].map((_, x) => outOf[i + 1].reduce((sum, paths, o) => sum + paths * bits[i][o * n + x], 0));
      }
      const expected = sizes.map((_, i) => into[i].map((paths, unit) => Number(paths * outOf[i][unit] > 0)));
      const live = liveUnits(layeredGraph(random, deep));
      deep.forEach(({ name }, i) => {
        expect([...live.get(name)!.inputs]).toEqual(expected[i]);
        expect([...live.get(name)!.outputs]).toEqual(expected[i + 1]);
      });
    }
  });

  test("of a ViT joins fc1 to fc2 and the values of qkv to proj", () => {
    const config = parseModelConfig(TINY_JSON, "tiny") as ViTConfig;
    const layers = vitLayers(config);
    const whole = (out: number, columns: number) => mask([out, columns], ...new Array<number>(out * columns).fill(1));
    const fc1 = whole(32, 16);
    fc1.data.fill(0, 5 * 16, 6 * 16); // neuron 5 reads nothing
    const proj = whole(16, 16);
    for (let row = 0; row < 16; row++) proj.data[row * 16 + 3] = 0; // nothing reads channel 3
    const masks = new Map([
      ["blocks.0.mlp.fc1.weight", fc1],
      ["blocks.1.attn.proj.weight", proj],
    ]);
    const graph = layeredGraph(masks, layers);
    const sources = graph.layers.flatMap(({ name, source }) =>
      source ? [[name, source.layer, source.firstOutput]] : [],
    );
    expect(sources).toEqual(
      [0, 1].flatMap((block) => [
        [`blocks.${block}.attn.proj`, `blocks.${block}.attn.qkv`, 32],
        [`blocks.${block}.mlp.fc2`, `blocks.${block}.mlp.fc1`, 0],
      ]),
    );
    const live = liveUnits(graph);
    const dead = (units: Uint8Array) => [...units.keys()].filter((unit) => !units[unit]);
    expect(dead(live.get("blocks.0.mlp.fc1")!.outputs)).toEqual([5]);
    expect(dead(live.get("blocks.0.mlp.fc2")!.inputs)).toEqual([5]);
    expect(live.get("blocks.0.mlp.fc2")!.edgeCount).toBe(16 * 31);
    expect(dead(live.get("blocks.1.attn.proj")!.inputs)).toEqual([3]);
    expect(dead(live.get("blocks.1.attn.qkv")!.outputs)).toEqual([32 + 3]);
    expect(dead(live.get("head")!.inputs)).toEqual([]);
  });

  test("refuses masks of another model", () => {
    expect(() => layeredGraph(new Map([["lin.0.weight", mask([4], 1, 1, 1, 1)]]), layers)).toThrow(
      "mask lin.0.weight: expected 6 values, got 4; use masks of this model",
    );
  });
});
