/** The kernels of a ViT's training step at the shapes of ViT-Ti, S and B with 197 tokens, in batches of 1, 8 and 64. */
import type { Gpu, GpuBuffer } from "../src/gpu/index.js";
import { activation, activationGrad } from "../src/kernels/activation.js";
import { attention, attentionGrad } from "../src/kernels/attention.js";
import { layerNorm, layerNormGrad } from "../src/kernels/layer-norm.js";
import { matmul } from "../src/kernels/matmul.js";
import { adamw, optimizerSchedule } from "../src/kernels/optimizer.js";
import { randomNormal } from "../src/kernels/random.js";
import { accumulateSaliency } from "../src/kernels/saliency.js";
import { selectSmallest } from "../src/kernels/select.js";
import type { Family } from "./families.js";
import { type NamedBuffers, prepareOver } from "./named-buffers.js";
import type { Row } from "./row.js";

interface Network {
  readonly name: string;
  readonly width: number;
  readonly heads: number;
  /** Prunable weights: those of the blocks' linear layers. */
  readonly weights: number;
}

const BLOCKS = 12;
const network = (name: string, width: number): Network => ({
  name,
  width,
  heads: width / 64,
  weights: BLOCKS * 12 * width ** 2,
});
const NETWORKS = [network("ViT-Ti", 192), network("ViT-S", 384), network("ViT-B", 768)];
const TOKENS = 197;
const HEAD_DIM = 64;
const BATCHES = [1, 8, 64];
const QUICK_BATCH = 8;

type Lengths<Name extends string = string> = Readonly<Record<Name, number>>;

/** One kernel, its work, and its buffers by name with their lengths. All hold normal numbers but the result, which holds zeros. */
interface Use<Name extends string = string> {
  readonly what: string;
  readonly family: Family;
  readonly flops: number;
  /** Elements that are read or written at least. */
  readonly moved: number;
  readonly lengths: Lengths<Name>;
  readonly result: NoInfer<Name>;
  readonly full?: boolean;
  dispatch(gpu: Gpu, buffers: Readonly<Record<NoInfer<Name>, GpuBuffer>>): void;
}

/** Holds the names of buffers in `dispatch` against those of `lengths`. */
const use = <Name extends string>(named: Use<Name>): Use => named;

const sum = (lengths: Lengths): number => Object.values(lengths).reduce((total, length) => total + length, 0);

function linear(what: string, rows: number, inputs: number, outputs: number): Use[] {
  const flops = 2 * rows * inputs * outputs;
  const product = (name: string, order: "nn" | "nt" | "tn", [m, n, k]: readonly number[]): Use => {
    const lengths = { a: m * k, b: n * k, out: m * n };
    return use({
      what: `${what} ${name}, ${order} ${m}x${n}x${k}`,
      family: "matmul",
      flops,
      moved: sum(lengths),
      lengths,
      result: "out",
      dispatch: (gpu, buffers) => matmul(gpu, order, buffers, { m, n, k }),
    });
  };
  return [
    product("forward", "nt", [rows, outputs, inputs]),
    product("input gradient", "nn", [rows, inputs, outputs]),
    product("weight gradient", "tn", [outputs, inputs, rows]),
  ];
}

function attentionUses(batch: number, heads: number): Use[] {
  const size = { batch, tokens: TOKENS, heads, headDim: HEAD_DIM };
  const length = batch * TOKENS * heads * HEAD_DIM;
  const product = 2 * batch * heads * TOKENS ** 2 * HEAD_DIM;
  const forward = { qkv: 3 * length, out: length, logsumexp: batch * heads * TOKENS };
  const both = { ...forward, dOut: length, dQkv: 3 * length };
  return [
    use({
      ...{ what: "attention forward", family: "attention", flops: 2 * product, moved: sum(forward), lengths: forward },
      result: "out",
      dispatch: (gpu, buffers) => attention(gpu, buffers, size),
    }),
    use({
      // Scores and probabilities again, and the four gradients.
      ...{ what: "attention backward", family: "attention", flops: 5 * product, moved: sum(both), lengths: both },
      result: "dQkv",
      dispatch: (gpu, buffers) => attentionGrad(gpu, buffers, size),
    }),
  ];
}

function rowUses(rows: number, columns: number): Use[] {
  const elements = rows * columns;
  const size = { rows, columns };
  const norm = { x: elements, weight: columns, mean: rows, rstd: rows };
  const forward = { ...norm, bias: columns, y: elements };
  const backward = { ...norm, dy: elements, dx: elements, dWeight: columns, dBias: columns };
  const hidden = 4 * elements;
  const gelu = { x: hidden, y: hidden };
  const geluGrad = { x: hidden, dy: hidden, dx: hidden };
  return [
    use({
      ...{ what: "layer norm forward", family: "rows", flops: 8 * elements, moved: sum(forward), lengths: forward },
      result: "y",
      dispatch: (gpu, buffers) => layerNorm(gpu, buffers, { ...size, epsilon: 1e-6 }),
    }),
    use({
      ...{ what: "layer norm backward", family: "rows", flops: 14 * elements, moved: sum(backward), lengths: backward },
      result: "dx",
      dispatch: (gpu, buffers) => layerNormGrad(gpu, buffers, size),
    }),
    use({
      ...{ what: "GELU forward", family: "elementwise", flops: 0, moved: sum(gelu), lengths: gelu },
      result: "y",
      dispatch: (gpu, buffers) => activation(gpu, "gelu", buffers, { length: hidden }),
    }),
    use({
      ...{ what: "GELU backward", family: "elementwise", flops: 0, moved: sum(geluGrad), lengths: geluGrad },
      result: "dx",
      dispatch: (gpu, buffers) => activationGrad(gpu, "gelu", buffers, { length: hidden }),
    }),
  ];
}

function weightUses(length: number): Use[] {
  const optimizer = { weight: length, gradient: length, firstMoment: length, secondMoment: length };
  const saliency = { gradient: length, weight: length, score: length };
  const bits = Math.ceil(length / 32);
  return [
    use({
      ...{ what: "AdamW", family: "elementwise", flops: 0, moved: 7 * length, lengths: { ...optimizer, schedule: 4 } },
      result: "secondMoment",
      dispatch: (gpu, buffers) => adamw(gpu, buffers, { length, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.05 }),
    }),
    use({
      ...{ what: "saliency accumulate", family: "elementwise", flops: 0, moved: 4 * length, lengths: saliency },
      result: "score",
      dispatch: (gpu, buffers) => accumulateSaliency(gpu, "absolute", buffers, { length, inner: 1, period: length }),
    }),
    use({
      ...{ what: "select and mask", family: "selection", flops: 0, moved: length + bits },
      lengths: { scores: length, keep: bits },
      result: "keep",
      dispatch: (gpu, buffers) =>
        selectSmallest(gpu, buffers, { offset: 0, count: length, prune: length * 0.75, ties: "lowest-index" }),
    }),
  ];
}

function vitUses({ width, heads }: Network, batch: number): Use[] {
  const rows = batch * TOKENS;
  return [
    ...linear("qkv", rows, width, 3 * width),
    ...linear("proj", rows, width, width).map((each) => ({ ...each, full: true })),
    ...linear("fc1", rows, width, 4 * width),
    ...linear("fc2", rows, 4 * width, width).map((each) => ({ ...each, full: true })),
    ...attentionUses(batch, heads),
    ...rowUses(rows, width),
  ];
}

function toRow(name: string, kernel: Use, full: boolean): Row {
  const { family, flops, moved, lengths } = kernel;
  return {
    ...{ name, family, flops: flops || undefined, bytes: 4 * moved, full },
    buffers: Object.values(lengths).map((length) => 4 * length),
    prepare: (gpu) => prepareOver(gpu, (buffers) => fillUse(gpu, name, kernel, buffers)),
  };
}

export function vitRows(): Row[] {
  return NETWORKS.flatMap((net) => [
    ...BATCHES.flatMap((batch) =>
      vitUses(net, batch).map((each) =>
        toRow(`${net.name} batch ${batch}: ${each.what}`, each, each.full === true || batch !== QUICK_BATCH),
      ),
    ),
    ...weightUses(net.weights).map((each) => toRow(`${net.name}, ${net.weights} weights: ${each.what}`, each, false)),
  ]);
}

/** Words at both ends of a result, one of which must not be zero any more. */
const CHECKED = 256;

function fillUse(gpu: Gpu, row: string, { lengths, result, dispatch }: Use, buffers: NamedBuffers) {
  const state = gpu.allocate(8);
  gpu.upload(state, Uint32Array.of(1, 0));
  Object.entries(lengths).forEach(([name, length], stream) => {
    randomNormal(gpu, { y: buffers.add(name, 4 * length), state }, { length, stream });
  });
  gpu.release(state);
  const { schedule, [result]: written } = buffers.all;
  if (schedule) gpu.upload(schedule, optimizerSchedule(1e-3, 1, 0.9, 0.999));
  gpu.clear(written);
  return {
    record: () => dispatch(gpu, buffers.all),
    check: async () => {
      const words = (await gpu.read(written, Uint32Array)).subarray(0, lengths[result]);
      for (const end of [words.subarray(0, CHECKED), words.subarray(-CHECKED)]) {
        if (end.every((word) => word === 0)) throw new Error(`${row}: expected ${result} to be written, got zeros`);
      }
    },
  };
}
