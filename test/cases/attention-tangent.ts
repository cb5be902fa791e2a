import type { AttentionSize } from "../../src/kernels/attention.js";
import { attentionGradTangent, attentionTangent } from "../../src/kernels/attention-tangent.js";
import { sumOf } from "../harness/close.js";
import { directional } from "../harness/directional.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";
import { backward, forward, gates, shapeOf } from "./attention.js";

type Shape = AttentionSize & { readonly gated?: boolean; readonly benchOnly?: boolean };

const sizes: Shape[] = [
  { batch: 1, tokens: 1, heads: 1, headDim: 1 },
  { batch: 2, tokens: 7, heads: 2, headDim: 5 },
  { batch: 2, tokens: 9, heads: 3, headDim: 16 },
  { batch: 1, tokens: 17, heads: 2, headDim: 12, scale: 0.7 },
  { batch: 1, tokens: 37, heads: 1, headDim: 36 },
  { batch: 1, tokens: 65, heads: 1, headDim: 64 },
  { batch: 2, tokens: 7, heads: 2, headDim: 5, gated: true },
  { batch: 2, tokens: 37, heads: 3, headDim: 8, gated: true },
  { batch: 8, tokens: 197, heads: 3, headDim: 64, benchOnly: true },
  { batch: 64, tokens: 50, heads: 4, headDim: 16, benchOnly: true },
];

/** f32 copies of what the forward kernels leave: attention's results and their tangents. */
function operands(size: Shape) {
  const { tokens, gated } = size;
  const length = size.batch * tokens * size.heads * size.headDim;
  // The share of a closed key without its gate has no bound but the scores: moderate ones keep its tangent near one.
  const qkv = normals(3 * length, length, gated ? 0.7 : 1.5);
  const qkvTangent = normals(3 * length, 8);
  const keyGate = gates(tokens);
  const keyGateTangent = normals(tokens, 9);
  const given = { qkv, qkvTangent, keyGate, keyGateTangent };
  const { out, logsumexp } = forward(qkv, size, gated ? keyGate : undefined);
  return { ...given, out: Float32Array.from(out), logsumexp: Float32Array.from(logsumexp) };
}

type Operands = Readonly<Record<"qkv" | "qkvTangent" | "keyGate" | "keyGateTangent", ArrayLike<number>>>;

/** The derivative of f(qkv, gates) as both move; gates only where there are some. */
function along(
  { qkv, qkvTangent, keyGate, keyGateTangent }: Operands,
  gated: boolean | undefined,
  f: (qkv: Float64Array, gate: Float64Array | undefined) => ArrayLike<number>,
): Float64Array {
  if (!gated) return directional((qkv) => f(qkv, undefined), [[qkv, qkvTangent]]);
  return directional(f, [
    [qkv, qkvTangent],
    [keyGate, keyGateTangent],
  ]);
}

const resultTangents = (given: Operands, size: Shape) => ({
  outTangent: along(given, size.gated, (qkv, gate) => forward(qkv, size, gate).out),
  logsumexpTangent: along(given, size.gated, (qkv, gate) => forward(qkv, size, gate).logsumexp),
});

function gradientAt(qkv: Float64Array, dOut: ArrayLike<number>, size: Shape, gate: Float64Array | undefined) {
  const { out, logsumexp } = forward(qkv, size, gate);
  return backward(qkv, out, logsumexp, dOut, size, gate);
}

const name = (op: string, size: Shape) => `${op} ${shapeOf(size)}${size.gated ? ", gated" : ""}`;

const forwardCases: KernelCase[] = sizes.map((size) => {
  const { batch, tokens, heads, headDim, gated, benchOnly } = size;
  const length = batch * tokens * heads * headDim;
  return {
    name: name("attentionTangent", size),
    inputs: () => operands(size),
    outputs: { outTangent: { length }, logsumexpTangent: { length: batch * heads * tokens } },
    run: (gpu, { keyGate, keyGateTangent, ...buffers }) =>
      attentionTangent(gpu, { ...buffers, ...(gated && { keyGate, keyGateTangent }) } as never, size),
    oracle: (given) => resultTangents(given as never, size),
    tolerance: sumOf(tokens + headDim, 8),
    flops: 10 * length * tokens,
    bytes: 32 * length,
    benchOnly,
  };
});

const gradientCases: KernelCase[] = sizes.map((size) => {
  const { batch, tokens, heads, headDim, gated, benchOnly } = size;
  const length = batch * tokens * heads * headDim;
  return {
    name: name("attentionGradTangent", size),
    inputs: () => {
      const given = operands(size);
      const { outTangent, logsumexpTangent } = resultTangents(given, size);
      return {
        ...given,
        outTangent: Float32Array.from(outTangent),
        logsumexpTangent: Float32Array.from(logsumexpTangent),
        dOut: normals(length, 2),
      };
    },
    outputs: { dQkv: { length: 3 * length }, ...(gated && { dKeyGate: { length: tokens } }) },
    run: (gpu, { keyGate, keyGateTangent, ...buffers }) =>
      attentionGradTangent(gpu, { ...buffers, ...(gated && { keyGate, keyGateTangent }) } as never, size),
    oracle({ dOut, ...given }) {
      const by = (wanted: "dQkv" | "dKeyGate") =>
        along(given as never, gated, (qkv, gate) => gradientAt(qkv, dOut, size, gate)[wanted]);
      return { dQkv: by("dQkv"), ...(gated && { dKeyGate: by("dKeyGate") }) };
    },
    tolerance: sumOf(gated ? batch * heads * tokens * headDim : tokens + headDim, 20),
    flops: 28 * length * tokens,
    bytes: 48 * length,
    benchOnly,
  };
});

export const cases = [...forwardCases, ...gradientCases];
