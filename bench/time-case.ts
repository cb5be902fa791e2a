/** Times one kernel case: recorded once, replayed many times in one submission, the shortest of several samples. */
import type { Gpu, GpuBuffer } from "../src/gpu/index.js";
import type { Arrays, HostArray, KernelCase } from "../test/harness/kernel-case.js";

export interface Measurement {
  readonly name: string;
  /** Wall time of one run, shortest of the samples. */
  readonly milliseconds: number;
  /** Median of the samples. */
  readonly median: number;
  /** Of one recording; unknown of what replays several. */
  readonly dispatches: number | undefined;
  readonly gflops: number | undefined;
  readonly gigabytesPerSecond: number | undefined;
}

const SAMPLES = 7;
const SAMPLE_MS = 60;

const bytesOf = (data: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A NaN as a float, and no count that a kernel writes. */
const POISON_WORD = 0x7fc00bad;

/** @throws Error when an output is not written: a dispatch that fails looks very fast. */
export async function timeCase(gpu: Gpu, test: KernelCase): Promise<Measurement> {
  const buffers: Record<string, GpuBuffer> = {};
  const owned: GpuBuffer[] = [];
  const allocate = (name: string, length: number, content: Uint8Array) => {
    const buffer = gpu.allocate(length * 4);
    gpu.upload(buffer, content);
    buffers[name] = buffer;
    owned.push(buffer);
  };
  const inputs = test.inputs();
  for (const [name, data] of Object.entries(inputs)) allocate(name, data.length, bytesOf(data));
  for (const [name, { length }] of Object.entries(test.outputs)) {
    if (!buffers[name]) allocate(name, length, bytesOf(new Uint32Array(length).fill(POISON_WORD)));
  }
  using recording = gpu.record(() => test.run(gpu, buffers));
  const sample = async (repeats: number) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) recording.replay();
    await gpu.sync();
    return (performance.now() - start) / repeats;
  };
  try {
    await sample(1); // compiles
    await checkWritten(gpu, test, buffers, inputs);
    const repeats = Math.max(1, Math.min(200, Math.round(SAMPLE_MS / (await sample(2)))));
    const samples: number[] = [];
    for (let i = 0; i < SAMPLES; i++) samples.push(await sample(repeats));
    samples.sort((a, b) => a - b);
    const [milliseconds] = samples;
    const rate = (amount: number | undefined) => (amount === undefined ? undefined : amount / milliseconds / 1e6);
    return {
      name: test.name,
      milliseconds,
      median: samples[SAMPLES >> 1],
      dispatches: recording.length,
      gflops: rate(test.flops),
      gigabytesPerSecond: rate(test.bytes),
    };
  } finally {
    for (const buffer of owned) gpu.release(buffer);
  }
}

/** Every word of an output must have lost its poison; of an output that is also an input, some word must have changed. */
async function checkWritten(
  gpu: Gpu,
  test: KernelCase,
  buffers: Readonly<Record<string, GpuBuffer>>,
  inputs: Arrays,
): Promise<void> {
  for (const [name, { length }] of Object.entries(test.outputs)) {
    const words = (await gpu.read(buffers[name], Uint32Array)).subarray(0, length);
    const input = inputs[name];
    const before = input && new Uint32Array(input.buffer, input.byteOffset, length);
    const at = before ? (words.some((word, i) => word !== before[i]) ? -1 : 0) : words.indexOf(POISON_WORD);
    if (at >= 0)
      throw new Error(`${test.name}: expected output ${name} to be written, got what was there at word ${at}`);
  }
}
