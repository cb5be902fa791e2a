/**
 * One declaration of a kernel's use serves its test, its gradient check and its bench. To add a kernel: write `test/cases/<op>.ts` with an array
 * `cases`; test/kernels/kernels.test.ts finds it.
 */

import { bufferId } from "../../src/gpu/buffer.js";
import type { Gpu, GpuBuffer } from "../../src/gpu/index.js";
import { narrowFloat16, widenFloat16 } from "../../src/io/float16.js";
import { type FloatStorage, storageBytes } from "../../src/kernels/elements.js";
import { mismatch, type Tolerance } from "./close.js";

/** Uint16Array: the bits of f16. */
export type HostArray = Float32Array | Uint32Array | Int32Array | Uint16Array;
export type Arrays = Readonly<Record<string, HostArray>>;

export interface KernelCase {
  /** The kernel and the shape: "softmax 7x13". */
  readonly name: string;
  /** Makes the inputs, when the case is run: those of bench shapes are large. */
  readonly inputs: () => Arrays;
  /** Length and element type of each output. An output that is also an input (in-place kernels) starts with the input's values. */
  readonly outputs: Readonly<Record<string, { readonly length: number; readonly type?: "f32" | "f16" | "u32" }>>;
  readonly run: (gpu: Gpu, buffers: Readonly<Record<string, GpuBuffer>>, storage?: FloatStorage) => void;
  /** What the device must have; the case is skipped where it has not. */
  readonly needs?: "shader-f16";
  /** Operands that `run` also takes in f16, by its third argument: the case then runs a second time, with the oracle over rounded inputs. */
  readonly float16?: readonly string[];
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
  content.fill(POISON_WORD, guard / 4, guard / 4 + words);
  if (initial) new Uint8Array(content.buffer).set(bytesOf(initial), guard);
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
  for (const [name, data] of Object.entries(inputs)) buffers[name] = guarded(gpu, Math.ceil(data.byteLength / 4), data);
  for (const [name, { length, type }] of Object.entries(test.outputs)) {
    buffers[name] ??= guarded(gpu, storageBytes(length, type === "f16" ? "f16" : "f32") / 4, undefined);
  }
  {
    using _scope = gpu.scope();
    test.run(gpu, Object.fromEntries(Object.entries(buffers).map(([name, { view }]) => [name, view])));
  }
  const result: Record<string, Uint32Array> = {};
  for (const [name, buffer] of Object.entries(buffers)) {
    const words = await contents(gpu, buffer, `${test.name}: ${name}`);
    if (name in test.outputs) result[name] = words;
    else {
      const before = bytesOf(inputs[name]);
      if (before.some((byte, i) => byte !== bytesOf(words)[i]))
        throw new Error(`${test.name}: changed its input ${name}`);
    }
    buffer.raw.destroy();
  }
  return result;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: HostArray) => new Uint8Array(buffer, byteOffset, byteLength);

const widened = (arrays: Arrays): Arrays =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => [name, data instanceof Uint16Array ? widenFloat16(data) : data]),
  );

/** An output's words as its values. */
function valuesOf(words: Uint32Array, type: "f32" | "f16" | "u32", length: number): ArrayLike<number> {
  if (type === "u32") return words;
  if (type === "f16") return widenFloat16(new Uint16Array(words.buffer, words.byteOffset, length));
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}

/** What only moves values stays exact. Rounding to f16 moves a value by at most 2^-11 of it, or by half of the 2^-24 between the smallest ones. */
function toleranceOf({ tolerance }: KernelCase, type: "f32" | "f16" | "u32"): Tolerance {
  if (type === "u32") return { atol: 0, rtol: 0 };
  if (type === "f32" || tolerance.rtol === 0) return tolerance;
  const growth = Math.sqrt(tolerance.terms ?? 1);
  return { ...tolerance, atol: tolerance.atol + 2 ** -25 / growth, rtol: tolerance.rtol + 2 ** -11 / growth };
}

/** A case with the operands in f16 that it names. */
export function inFloat16({ float16 = [], ...test }: KernelCase): KernelCase {
  const outputs = Object.entries(test.outputs).map(([name, output]) => {
    return [name, float16.includes(name) ? { ...output, type: "f16" as const } : output];
  });
  const rounded = (inputs: Arrays) =>
    Object.entries(inputs).map(([name, data]) => {
      return [name, float16.includes(name) ? narrowFloat16(data as Float32Array) : data];
    });
  return {
    ...test,
    name: `${test.name}, f16`,
    needs: "shader-f16",
    inputs: () => Object.fromEntries(rounded(test.inputs())),
    outputs: Object.fromEntries(outputs),
    run: (gpu, buffers) => test.run(gpu, buffers, "f16"),
  };
}

/** Checks values against the oracle, guard words, untouched inputs, and that two runs give the same bits. @throws Error saying what is wrong. */
export async function checkCase(gpu: Gpu, test: KernelCase): Promise<void> {
  const inputs = test.inputs();
  const first = await execute(gpu, test, inputs);
  const second = await execute(gpu, test, inputs);
  const want = test.oracle(widened(inputs));
  for (const [name, words] of Object.entries(first)) {
    const { type = "f32", length } = test.outputs[name];
    const problem = mismatch(valuesOf(words, type, length), want[name], toleranceOf(test, type));
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
