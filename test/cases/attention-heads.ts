/** Attention with gates of heads: what `gate` makes of its result, which some want without them too. */
import { type AttentionSize, type AttentionVariant, attention } from "../../src/kernels/attention.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";
import { forward, gates, shapeOf } from "./attention.js";

interface Shape extends AttentionSize {
  readonly variant?: AttentionVariant;
  readonly gated?: boolean;
  readonly causal?: boolean;
  readonly benchOnly?: boolean;
}

const [gated, causal] = [true, true];

const sizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 1, tokens: 1, heads: 5, headDim: 4 },
  { batch: 2, tokens: 7, heads: 3, headDim: 5 },
  { batch: 1, tokens: 131, heads: 2, headDim: 8, gated, causal },
  { batch: 1, tokens: 57, heads: 3, headDim: 20 },
  { batch: 1, tokens: 65, heads: 2, headDim: 130 },
  { batch: 1, tokens: 63, heads: 2, headDim: 132 },
  { batch: 1, tokens: 129, heads: 3, headDim: 16, variant: "stream" },
  { batch: 1, tokens: 61, heads: 2, headDim: 11, causal, variant: "stream" },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, gated, variant: "short" },
  { batch: 1, tokens: 37, heads: 2, headDim: 5, causal, variant: "short" },
  { batch: 1, tokens: 131, heads: 3, headDim: 12, causal, variant: "lane" },
  { batch: 2, tokens: 9, heads: 3, headDim: 16, gated, variant: "lane" },
  { batch: 1, tokens: 65, heads: 3, headDim: 16, causal, variant: "row" },
  { batch: 1, tokens: 37, heads: 2, headDim: 5, gated, variant: "row" },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 64, tokens: 17, heads: 4, headDim: 16, benchOnly: true },
];

/** Open, turned round, closed and half open heads. */
const headGates = (heads: number) => Float32Array.from({ length: heads }, (_, h) => [1, -1.5, 0, 0.5][h % 4]);

function attendGated(qkv: ArrayLike<number>, headGate: ArrayLike<number>, shape: Shape, keyGate?: ArrayLike<number>) {
  const { out: ungated, logsumexp } = forward(qkv, shape, keyGate, shape.causal);
  const out = ungated.map((value, i) => headGate[Math.floor(i / shape.headDim) % shape.heads] * value);
  return { out, ungated, logsumexp };
}

/** How much of the result is wanted. */
const both = { "the gated result alone": false, "the result without gates too": true };

export const cases: KernelCase[] = sizes.flatMap((shape) =>
  Object.entries(both).map(([name, beside]): KernelCase => {
    const { batch, tokens, heads, headDim, variant, gated, causal, benchOnly } = shape;
    const length = batch * tokens * heads * headDim;
    const selection = `${gated ? ", gated keys" : ""}${causal ? ", causal" : ""}`;
    return {
      name: `attention ${shapeOf(shape)}, gated heads${selection}, ${name}`,
      inputs: () => ({
        qkv: normals(3 * length, length, 1.5),
        headGate: headGates(heads),
        ...(gated && { keyGate: gates(tokens) }),
      }),
      outputs: {
        out: { length },
        ...(beside && { ungated: { length } }),
        logsumexp: { length: batch * heads * tokens },
      },
      run: (gpu, buffers, storage) => {
        const { qkv, keyGate, headGate, out, ungated, logsumexp } = buffers;
        attention(gpu, { qkv, keyGate, headGate, out, ungated, logsumexp }, shape, { causal, variant, storage });
      },
      float16: beside ? ["qkv", "out", "ungated"] : ["qkv", "out"],
      oracle: ({ qkv, headGate, keyGate }) => {
        const { out, ungated, logsumexp } = attendGated(qkv, headGate, shape, keyGate);
        return { out, ...(beside && { ungated }), logsumexp };
      },
      tolerance: sumOf(tokens + headDim, 4),
      flops: (4 * length * tokens) / (causal ? 2 : 1),
      bytes: (beside ? 20 : 16) * length,
      benchOnly,
    };
  }),
);
