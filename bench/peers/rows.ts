/** What is compared: ViT-sized products, row-wise and elementwise operations, the steps of pruning, and a block of a ViT. */
import { normals, randomGenerator, uniforms } from "../../test/harness/random.js";
import { type BlockSize, blockGradients, blockOutput, blockParameters } from "./block-oracle.js";
import { attended, gelu, largestError, layerNorm, sampledProduct, softmax } from "./oracles.js";
import type { HostTensor, HostTensors, Row } from "./peer.js";

const tensor = (data: Float32Array, ...shape: number[]): HostTensor => ({ data, shape });
const length = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
const normal = (seed: number, scale: number, ...shape: number[]) =>
  tensor(normals(length(shape), seed, scale), ...shape);
const uniform = (seed: number, ...shape: number[]) => tensor(uniforms(length(shape), seed, -1, 1), ...shape);

/** Tolerances of sums: those of float32 in any order, of terms of about 1. */
const SUM = 1e-5;

function matmul(m: number, k: number, n: number): Row {
  return {
    name: `matmul ${m}x${k}x${n}`,
    kind: "matmul",
    inputs: () => ({ a: normal(1, 1, m, k), b: normal(2, k ** -0.5, k, n) }),
    error: ({ a, b }, { y }) => sampledProduct(a, b.data, n, y, SUM),
  };
}

/** Half of the weights are kept. They may change from step to step, so they are masked in each. */
function maskedMatmul(m: number, k: number, n: number): Row {
  const mask = () => uniforms(k * n, 3).map((draw) => Number(draw < 0.5));
  return {
    name: `masked matmul ${m}x${k}x${n}`,
    kind: "maskedMatmul",
    inputs: () => ({ a: normal(1, 1, m, k), b: normal(2, k ** -0.5, k, n), mask: tensor(mask(), k, n) }),
    error: ({ a, b, mask }, { y }) =>
      sampledProduct(
        a,
        b.data.map((weight, i) => weight * mask.data[i]),
        n,
        y,
        SUM,
      ),
  };
}

const softmaxRow = (rows: number, columns: number): Row => ({
  name: `softmax ${rows}x${columns}`,
  kind: "softmax",
  inputs: () => ({ x: normal(1, 3, rows, columns) }),
  error: ({ x }, { y }) => largestError(y, softmax(x.data, columns), SUM),
});

const layerNormRow = (rows: number, columns: number): Row => ({
  name: `layer norm ${rows}x${columns}`,
  kind: "layerNorm",
  inputs: () => ({ x: normal(1, 1, rows, columns), weight: uniform(2, columns), bias: uniform(3, columns) }),
  error: ({ x, weight, bias }, { y }) => largestError(y, layerNorm(x.data, weight.data, bias.data).y, SUM),
});

const geluRow = (rows: number, columns: number): Row => ({
  name: `GELU ${rows}x${columns}`,
  kind: "gelu",
  inputs: () => ({ x: normal(1, 2, rows, columns) }),
  error: ({ x }, { y }) => largestError(y, Float64Array.from(x.data, gelu), SUM),
});

const saliency = (millions: number): Row => ({
  name: `saliency += |g w|, ${millions} M`,
  kind: "saliency",
  inputs: () => {
    const count = millions * 1e6;
    return { score: uniform(1, count), gradient: uniform(2, count), weight: uniform(3, count) };
  },
  error: ({ score, gradient, weight }, { y }) =>
    largestError(
      y,
      Float64Array.from(score.data, (s, i) => s + Math.abs(gradient.data[i] * weight.data[i])),
      SUM,
    ),
});

/** `threshold` must be the score of rank `rank`, from 0, in ascending order; the library says which rank it is that it finds. */
const select = (millions: number): Row => ({
  name: `k-th smallest of ${millions} M`,
  kind: "select",
  long: true,
  inputs: () => {
    const next = randomGenerator(1);
    return {
      scores: tensor(
        Float32Array.from({ length: millions * 1e6 }, () => next() * next()),
        millions * 1e6,
      ),
    };
  },
  error: ({ scores }, { rank, threshold }) => (scores.data.slice().sort()[rank[0]] === threshold[0] ? 0 : Infinity),
});

const attention = (batch: number, tokens: number, heads: number, headDim: number): Row => ({
  name: `attention ${batch}x${tokens}x${heads}x${headDim}`,
  kind: "attention",
  inputs: () => {
    const part = (seed: number) => normal(seed, 1, batch, tokens, heads, headDim);
    return { q: part(1), k: part(2), v: part(3) };
  },
  error: ({ q, k, v }, { y }) => largestError(y, attended(q, k, v).out, SUM),
});

function blockInputs(size: BlockSize): HostTensors {
  const { batch, tokens, width } = size;
  const parameters = Object.entries(blockParameters(size)).map(([name, shape], seed) => {
    const centre = name.startsWith("norm") && name.endsWith("weight") ? 1 : 0;
    const { data } = normal(seed + 2, shape.length === 2 ? shape[1] ** -0.5 : 0.1, ...shape);
    return [
      name,
      tensor(
        data.map((value) => centre + value),
        ...shape,
      ),
    ];
  });
  return { x: normal(1, 1, batch, tokens, width), ...Object.fromEntries(parameters) };
}

const describe = ({ batch, tokens, width }: BlockSize) => `${batch}x${tokens}x${width}`;

const blockForward = (size: BlockSize): Row => ({
  name: `ViT block ${describe(size)}: forward`,
  kind: "blockForward",
  inputs: () => blockInputs(size),
  error: (inputs, { y }) => largestError(y, blockOutput(inputs), 3 * SUM),
});

const blockBothWays = (size: BlockSize): Row => ({
  name: `ViT block ${describe(size)}: forward and backward`,
  kind: "blockGradients",
  inputs: () => ({ ...blockInputs(size), dy: normal(99, 1, size.batch, size.tokens, size.width) }),
  error: (inputs, outputs) => {
    const want = Object.entries(blockGradients(inputs));
    // A weight's gradient sums over all tokens.
    const terms = size.batch * size.tokens;
    return Math.max(...want.map(([name, values]) => largestError(outputs[name], values, SUM * Math.sqrt(terms))));
  },
});

/** DeiT-tiny's. */
const BLOCK: BlockSize = { batch: 4, tokens: 197, width: 192 };

/** What a library warms up on. */
export const warmUpRow: Row = matmul(64, 64, 64);

export const rows: readonly Row[] = [
  matmul(512, 512, 512),
  matmul(1024, 1024, 1024),
  matmul(1576, 384, 1536),
  matmul(197, 192, 576),
  maskedMatmul(512, 512, 512),
  maskedMatmul(1576, 384, 1536),
  softmaxRow(9456, 197),
  layerNormRow(1576, 384),
  geluRow(1576, 1536),
  saliency(5.7),
  saliency(22),
  attention(8, 197, 3, 64),
  blockForward(BLOCK),
  blockBothWays(BLOCK),
  select(5.7),
];
