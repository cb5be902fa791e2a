/** The self-test of attention: a small one of integers by the kernels in use, beside the same in float64 on the host. */
import type { Gpu, GpuBuffer } from "../../gpu/index.js";
import { runAttention } from "../attention-core.js";
import { runAttentionGrad } from "../attention-core-grad.js";
import { forRows } from "../attention-variant.js";
import { cast } from "../cast.js";
import { places } from "../cross-attention.js";
import { storageBytes } from "../elements.js";
import { type AttentionAnswers, makeProblem, solve } from "./attention-problem.js";
import type { AttentionKernel, AttentionUse } from "./attention-uses.js";

/** Rows past the second block of kernels that go by blocks of 64. */
const ROWS = 133;

/** How many rows of the other side a kernel must meet: as many as it holds where its text says that these are all, else past the second time. */
function rowsMet({ variant, constants }: AttentionKernel): number {
  if (variant !== "stream") return ROWS;
  const held = Number(constants.HELD);
  return constants.ALL ? held : 2 * held + 5;
}

/** Of the largest value: on lavapipe and SwiftShader no kernel was more than 1.3e-6 away, and a key left out of 133 shows. */
const TOLERANCE = 1e-4;

function isClose(got: Float32Array, wanted: Float64Array): boolean {
  const most = wanted.reduce((highest, value) => Math.max(highest, Math.abs(value)), 1);
  return wanted.every((value, i) => Math.abs(got[i] - value) <= TOLERANCE * most);
}

/**
 * Whether the kernels in use compute right on this device: two heads of two images, as many rows as they hold at once or more, with the gates and the
 * order of the use. It runs the pipelines of the use, so that none is compiled for it.
 * @param read - in the place of `gpu.read`
 * @throws GpuError for faults of the device
 */
export async function provesAttention(
  gpu: Gpu,
  { task, kernels }: AttentionUse,
  read = (buffer: GpuBuffer): Promise<Float32Array> => gpu.read(buffer),
): Promise<boolean> {
  const [first, second = first] = kernels;
  const problem = makeProblem(task, { queries: rowsMet(second), keys: rowsMet(first) });
  const answers = solve(problem);
  const { size } = problem;
  const buffers: GpuBuffer[] = [];
  const allocate = (bytes: number): GpuBuffer => {
    const buffer = gpu.unscoped(() => gpu.allocate(bytes));
    buffers.push(buffer);
    return buffer;
  };
  const upload = (data: ArrayLike<number>): GpuBuffer => {
    const buffer = allocate(4 * data.length);
    gpu.upload(buffer, Float32Array.from(data));
    return buffer;
  };
  const stored = (data: Float32Array): GpuBuffer => {
    const wide = upload(data);
    if (task.part === "gradient" || task.storage !== "f16") return wide;
    const narrow = allocate(storageBytes(data.length, "f16"));
    cast(gpu, { x: wide, y: narrow }, { length: data.length, from: "f32", to: "f16" });
    return narrow;
  };
  const unwritten = (like: ArrayLike<number>) => upload(new Float32Array(like.length).fill(Number.NaN));
  const scoped = (fn: () => void) => {
    using _temporaries = gpu.scope();
    fn();
  };
  const rows = { headDim: size.headDim, heads: size.batch * size.heads };
  const isRight = async (results: Readonly<Partial<Record<keyof AttentionAnswers, GpuBuffer>>>) => {
    for (const [name, buffer] of Object.entries(results)) {
      if (!isClose(await read(buffer), answers[name as keyof AttentionAnswers])) return false;
    }
    return true;
  };
  try {
    const operands = places(stored(problem.q), stored(problem.kv), size);
    const keyGate = problem.keyGate && upload(problem.keyGate);
    const ofQueries = forRows(first, { ...rows, rows: size.queries, others: size.keys });
    if (task.part === "forward") {
      const headGate = problem.headGate && upload(problem.headGate);
      const [out, logsumexp] = [unwritten(answers.out), unwritten(answers.logsumexp)];
      const ungated = task.beside ? unwritten(answers.ungated) : undefined;
      const forward = { ...operands, out, logsumexp, keyGate, headGate, ungated };
      scoped(() => runAttention(gpu, forward, size, ofQueries, task.causal));
      return await isRight({ out, logsumexp, ...(ungated && { ungated }) });
    }
    const ofKeys = forRows(second, { ...rows, rows: size.keys, others: size.queries });
    const [dQ, dKv] = [unwritten(answers.dQ), unwritten(answers.dKv)];
    const to = places(dQ, dKv, size);
    const [logsumexp, delta, dOut] = [answers.logsumexp, answers.delta, problem.dOut].map(upload);
    const gradient = { ...operands, keyGate, logsumexp, delta, dOut, dQ: to.q, dK: to.k, dV: to.v };
    scoped(() => runAttentionGrad(gpu, gradient, size, { ofQueries, ofKeys }, task.causal));
    return await isRight({ dQ, dKv });
  } finally {
    for (const buffer of buffers) gpu.release(buffer);
  }
}
