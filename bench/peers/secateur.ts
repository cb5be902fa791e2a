/** Secateur as one of the libraries. */
import { Gpu, type GpuBuffer } from "../../src/gpu/index.js";
import type { Synchronous } from "../../src/gpu/synchronous.js";
import { type EncoderConfig, parseModelConfig } from "../../src/io/index.js";
import type { BufferLike } from "../../src/kernels/buffers.js";
import * as kernels from "../../src/kernels/index.js";
import { Gates, Parameters, Pass } from "../../src/nn/index.js";
import { encoderBlocks, vitBlock } from "../../src/nn/vit-block.js";
import { backward, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { HEAD_DIM } from "./block-oracle.js";
import { EPSILON } from "./oracles.js";
import type { HostTensors, Library, PreparedRow, RowKind } from "./peer.js";

type Buffers = Readonly<Record<string, GpuBuffer>>;

/** Dispatches of a row, and the buffers with its results by name. */
interface Work {
  readonly buffers: Buffers;
  readonly record: () => void;
  readonly results: readonly string[];
}

const uploaded = (gpu: Gpu, inputs: Readonly<Record<string, ArrayBufferView>>): Record<string, GpuBuffer> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => {
      const buffer = gpu.allocate(data.byteLength);
      gpu.upload(buffer, data);
      return [name, buffer];
    }),
  );

function packBits(mask: Float32Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(mask.length / 32));
  mask.forEach((kept, i) => {
    if (kept) words[i >> 5] |= 1 << (i & 31);
  });
  return words;
}

type Make = (gpu: Gpu, inputs: HostTensors) => Work;

/** Uploads the inputs as they are, and makes room for a result y. */
const toY =
  (
    elements: (inputs: HostTensors) => number,
    dispatch: (gpu: Gpu, buffers: Buffers, inputs: HostTensors) => void,
  ): Make =>
  (gpu, inputs) => {
    const data = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]));
    const buffers: Buffers = { ...uploaded(gpu, data), y: gpu.allocate(4 * elements(inputs)) };
    return { buffers, record: () => dispatch(gpu, buffers, inputs), results: ["y"] };
  };

const asX = ({ x }: HostTensors) => x.data.length;

const productSize = ({ a, b }: HostTensors) => ({ m: a.shape[0], k: a.shape[1], n: b.shape[1] });

const matmul: Make = (gpu, inputs) => {
  const { m, k, n } = productSize(inputs);
  const mask = inputs.mask && packBits(inputs.mask.data);
  const buffers = uploaded(gpu, { a: inputs.a.data, b: inputs.b.data, ...(mask && { mask }) });
  const y = gpu.allocate(4 * m * n);
  return {
    buffers: { ...buffers, y },
    record: () => kernels.matmul(gpu, "nn", { ...(buffers as { a: GpuBuffer; b: GpuBuffer }), out: y }, { m, k, n }),
    results: ["y"],
  };
};

const saliency: Make = (gpu, { score, gradient, weight }) => {
  const buffers = uploaded(gpu, { y: score.data, gradient: gradient.data, weight: weight.data });
  const { y, ...operands } = buffers as { y: GpuBuffer; gradient: GpuBuffer; weight: GpuBuffer };
  const units = { length: weight.data.length, inner: 1, period: weight.data.length, offset: 0 };
  const record = () => kernels.accumulateSaliency(gpu, "absolute", { ...operands, score: y }, units);
  return { buffers, record, results: ["y"] };
};

const select: Make = (gpu, { scores }) => {
  const count = scores.data.length;
  const prune = count >> 1;
  const buffers = {
    ...uploaded(gpu, { scores: scores.data, rank: Float32Array.of(prune - 1) }),
    keep: gpu.allocate(Math.ceil(count / 32) * 4),
    threshold: gpu.allocate(8),
  } as { scores: GpuBuffer; rank: GpuBuffer; keep: GpuBuffer; threshold: GpuBuffer };
  const range = { offset: 0, count, prune, ties: "lowest-index" } as const;
  return {
    buffers,
    record: () => kernels.selectSmallest(gpu, buffers, range),
    results: ["threshold", "rank"],
  };
};

const attention: Make = (gpu, { q, k, v }) => {
  const [batch, tokens, heads, headDim] = q.shape;
  const width = heads * headDim;
  const parts = [q.data, k.data, v.data];
  const qkv = Float32Array.from({ length: 3 * q.data.length }, (_, i) => {
    const piece = Math.floor(i / width);
    return parts[piece % 3][Math.floor(piece / 3) * width + (i % width)];
  });
  const buffers = {
    ...uploaded(gpu, { qkv }),
    y: gpu.allocate(4 * q.data.length),
    logsumexp: gpu.allocate(4 * batch * heads * tokens),
  } as { qkv: GpuBuffer; y: GpuBuffer; logsumexp: GpuBuffer };
  const { y: out, ...operands } = buffers;
  const record = () => kernels.attention(gpu, { ...operands, out }, { batch, tokens, heads, headDim });
  return { buffers, record, results: ["y"] };
};

/** A block of a ViT as the models here run it. */
function block(gpu: Gpu, { x, dy, ...weights }: HostTensors) {
  const [, , width] = x.shape;
  const json = {
    img_size: 224,
    patch_size: 16,
    embed_dim: width,
    depth: 1,
    num_heads: width / HEAD_DIM,
    num_classes: 10,
  };
  const config = parseModelConfig(json, "the block") as EncoderConfig & { architecture: "vit" };
  const named = Object.entries(weights).map(([name, value]) => [`blocks.0.${name}`, value] as const);
  const parameters = new Parameters(
    gpu,
    new Map(named.map(([name, { data, shape }]) => [name, { data, shape: [...shape] }])),
  );
  const [encoderBlock] = encoderBlocks(gpu, config);
  const input = Tensor.from(gpu, x.data, x.shape);
  const pass = new Pass(parameters, new Gates(new Map()), {});
  const seed = dy && Tensor.from(gpu, dy.data, dy.shape);
  return {
    input,
    parameters,
    seed,
    forward: () => vitBlock(input, encoderBlock, pass),
    release: () => {
      parameters.release();
      for (const tensor of [input, seed]) if (tensor) gpu.release(tensor);
    },
  };
}

/** Where a row's results lie, by name. */
type Results = Readonly<Record<string, BufferLike>>;

/** Work that is recorded once. What it makes shares memory, but for its results. */
function replayed(gpu: Gpu, record: () => Synchronous<Results>, release: () => void): PreparedRow {
  const recording = gpu.record<Results>(() => {
    using scope = gpu.scope();
    const results: Results = record();
    for (const result of Object.values(results)) scope.promote(result);
    return results;
  });
  return {
    run: () => {
      recording.replay();
      gpu.flush();
    },
    outputs: async () => {
      const values: Record<string, Float32Array> = {};
      for (const [name, result] of Object.entries(recording.result)) values[name] = await gpu.read(result);
      return values;
    },
    release: () => {
      recording.release();
      release();
    },
  };
}

function blockForward(gpu: Gpu, inputs: HostTensors): PreparedRow {
  const { forward, release } = block(gpu, inputs);
  return replayed(gpu, () => ({ y: withoutHistory(forward) }), release);
}

function blockGradients(gpu: Gpu, inputs: HostTensors): PreparedRow {
  const { input, parameters, forward, seed, release } = block(gpu, inputs);
  input.requiresGradient = true;
  const record = () => {
    const gradients = backward(forward(), seed);
    const ofParameters = Array.from(parameters, ({ name, value }) => [
      name.replace("blocks.0.", ""),
      gradients.get(value)!,
    ]);
    return { x: gradients.get(input)!, ...Object.fromEntries(ofParameters) };
  };
  return replayed(gpu, record, release);
}

function dispatches(gpu: Gpu, { buffers, record, results }: Work): PreparedRow {
  const named = Object.fromEntries(results.map((name) => [name, buffers[name]]));
  return replayed(
    gpu,
    () => {
      record();
      return named;
    },
    () => {
      for (const buffer of Object.values(buffers)) gpu.release(buffer);
    },
  );
}

const kernelRows: Record<Exclude<RowKind, "blockForward" | "blockGradients">, Make> = {
  matmul,
  maskedMatmul: matmul,
  softmax: toY(asX, (gpu, { x, y }, { x: { shape } }) => {
    const [rows, columns] = shape;
    kernels.softmax(gpu, { x, y }, { rows, columns });
  }),
  layerNorm: (gpu, inputs) => {
    const [rows, columns] = inputs.x.shape;
    const make = toY(asX, (gpu, { x, weight, bias, y }) => {
      const [mean, rstd] = [gpu.allocate(4 * rows), gpu.allocate(4 * rows)];
      kernels.layerNorm(gpu, { x, weight, bias, y, mean, rstd }, { rows, columns, epsilon: EPSILON });
    });
    return make(gpu, inputs);
  },
  gelu: toY(asX, (gpu, { x, y }, { x: { data } }) =>
    kernels.activation(gpu, "gelu", { x, y }, { length: data.length }),
  ),
  saliency,
  select,
  attention,
};

export const secateurOn = (gpu: Gpu): Library => ({
  version: "this one",
  device: gpu.device,
  prepare: async (kind, inputs) => {
    if (kind === "blockForward") return blockForward(gpu, inputs);
    if (kind === "blockGradients") return blockGradients(gpu, inputs);
    return dispatches(gpu, kernelRows[kind](gpu, inputs));
  },
});

export const open = async (): Promise<Library> => secateurOn(await Gpu.create());
