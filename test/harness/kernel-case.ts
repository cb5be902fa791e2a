/**
 * One declaration of a kernel's use serves its test, its gradient check and its bench. To add a kernel: write `test/cases/<op>.ts` with an array
 * `cases`; test/kernels/kernels.test.ts finds it.
 */

import { bufferId } from "../../src/gpu/buffer.js";
import type { Gpu, GpuBuffer } from "../../src/gpu/index.js";
import { mismatch, type Tolerance } from "./close.js";

export type HostArray = Float32Array | Uint32Array | Int32Array;
export type Arrays = Readonly<Record<string, HostArray>>;

export interface KernelCase {
  /** The kernel and the shape: "softmax 7x13". */
  readonly name: string;
  /** Makes the inputs, when the case is run: those of bench shapes are large. */
  readonly inputs: () => Arrays;
  /** Length and element type of each output. An output that is also an input (in-place kernels) starts with the input's values. */
  readonly outputs: Readonly<Record<string, { readonly length: number; readonly type?: "f32" | "u32" }>>;
  readonly run: (gpu: Gpu, buffers: Readonly<Record<string, GpuBuffer>>) => void;
  /** The same in plain float64 loops. Integer outputs are compared exactly. */
  readonly oracle: (inputs: Arrays) => Readonly<Record<string, ArrayLike<number>>>;
  readonly tolerance: Tolerance;
  /** Multiplications and additions. */
  readonly flops?: number;
  /** Bytes that must be read and written at least. */
  readonly bytes?: number;
  /** Large shapes for the bench only: their oracle would take too long. */
  readonly benchOnly?: boolean;
}

const GUARD_BYTES = 256;
const GUARD_WORD = 0xdeadbeef;
const POISON_WORD = 0x7fc00bad; // a NaN

interface Guarded {
  readonly raw: GPUBuffer;
  readonly view: GpuBuffer;
  readonly words: number;
}

/** A buffer with guard words on both sides of the range that the kernel sees. */
function guarded(gpu: Gpu, words: number, initial: HostArray | undefined): Guarded {
  const guard = Math.max(GUARD_BYTES, gpu.limits.minStorageBufferOffsetAlignment);
  const size = guard * 2 + words * 4;
  const raw = gpu.device.createBuffer({ label: "guarded", size, usage: 0x4 | 0x8 | 0x80 | 0x100 });
  bufferId(raw);
  const content = new Uint32Array(size / 4).fill(GUARD_WORD);
  if (initial) content.set(new Uint32Array(initial.buffer, initial.byteOffset, initial.length), guard / 4);
  else content.fill(POISON_WORD, guard / 4, guard / 4 + words);
  gpu.device.queue.writeBuffer(raw, 0, content);
  return { raw, view: gpu.borrow(raw, guard, words * 4), words };
}

async function contents(gpu: Gpu, { raw, words, view }: Guarded, name: string): Promise<Uint32Array> {
  const all = await gpu.read(gpu.borrow(raw), Uint32Array);
  const first = view.byteOffset / 4;
  for (let i = 0; i < all.length; i++) {
    if ((i < first || i >= first + words) && all[i] !== GUARD_WORD) {
      throw new Error(`${name}: wrote outside of its range, at word ${i - first} of ${words}`);
    }
  }
  return all.slice(first, first + words);
}

/** Runs a case on guarded, poisoned buffers and returns its outputs as raw words. */
async function execute(gpu: Gpu, test: KernelCase, inputs: Arrays): Promise<Record<string, Uint32Array>> {
  const buffers: Record<string, Guarded> = {};
  for (const [name, data] of Object.entries(inputs)) buffers[name] = guarded(gpu, data.length, data);
  for (const [name, { length }] of Object.entries(test.outputs)) buffers[name] ??= guarded(gpu, length, undefined);
  {
    using _scope = gpu.scope();
    test.run(gpu, Object.fromEntries(Object.entries(buffers).map(([name, { view }]) => [name, view])));
  }
  const result: Record<string, Uint32Array> = {};
  for (const [name, buffer] of Object.entries(buffers)) {
    const words = await contents(gpu, buffer, `${test.name}: ${name}`);
    if (name in test.outputs) result[name] = words;
    else {
      const before = new Uint32Array(inputs[name].buffer, inputs[name].byteOffset, inputs[name].length);
      if (words.some((word, i) => word !== before[i])) throw new Error(`${test.name}: changed its input ${name}`);
    }
    buffer.raw.destroy();
  }
  return result;
}

/** Checks values against the oracle, guard words, untouched inputs, and that two runs give the same bits. @throws Error saying what is wrong. */
export async function checkCase(gpu: Gpu, test: KernelCase): Promise<void> {
  const inputs = test.inputs();
  const first = await execute(gpu, test, inputs);
  const second = await execute(gpu, test, inputs);
  const want = test.oracle(inputs);
  for (const [name, words] of Object.entries(first)) {
    const integer = test.outputs[name].type === "u32";
    const got = integer ? words : new Float32Array(words.buffer, words.byteOffset, words.length);
    const problem = mismatch(got, want[name], integer ? { atol: 0, rtol: 0 } : test.tolerance);
    if (problem) throw new Error(`${test.name}: ${name}: ${problem}`);
    if (words.some((word, i) => word !== second[name][i])) throw new Error(`${test.name}: ${name}: two runs differ`);
  }
}

/**
 * Compares an analytic gradient with central differences of a float64 function. `f` maps the flat parameters to a scalar.
 * @throws Error naming the first parameter that disagrees.
 */
export function checkGradient(
  f: (x: Float64Array) => number,
  at: ArrayLike<number>,
  gradient: ArrayLike<number>,
  what: string,
): void {
  const x = Float64Array.from(at);
  for (let i = 0; i < x.length; i++) {
    const step = 1e-5 * Math.max(1, Math.abs(x[i]));
    const kept = x[i];
    x[i] = kept + step;
    const above = f(x);
    x[i] = kept - step;
    const below = f(x);
    x[i] = kept;
    const want = (above - below) / (2 * step);
    if (!(Math.abs(gradient[i] - want) <= 1e-6 + 1e-5 * Math.abs(want))) {
      throw new Error(`${what}: d/dx[${i}]: central difference ${want}, analytic ${gradient[i]}`);
    }
  }
}
