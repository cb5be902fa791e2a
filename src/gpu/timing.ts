/** Time of each dispatch by timestamp queries, one pass a dispatch. */
import { label } from "./label.js";
import type { CommandStream, PassTimer } from "./stream.js";

/** Dispatches a query set has room for: WebGPU allows 4096 queries, and each takes two. */
const PASSES_PER_SET = 2048;
const BYTES_PER_PASS = 2 * BigUint64Array.BYTES_PER_ELEMENT;

/** Device time of one kernel over a profiled region. `milliseconds` is the sum over `count` dispatches. */
export interface KernelTiming {
  readonly kernel: string;
  readonly count: number;
  readonly milliseconds: number;
}

export class TimestampRecorder implements PassTimer {
  readonly #sets: GPUQuerySet[] = [];
  readonly #kernels: string[] = [];
  #resolved: GPUBuffer | undefined;
  #staging: GPUBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  begin(kernel: string): GPUComputePassTimestampWrites {
    const index = this.#kernels.push(kernel) - 1;
    const place = index % PASSES_PER_SET;
    if (place === 0) this.#sets.push(this.#createSet());
    const querySet = this.#sets[this.#sets.length - 1];
    return { querySet, beginningOfPassWriteIndex: place * 2, endOfPassWriteIndex: place * 2 + 1 };
  }

  #createSet(): GPUQuerySet {
    return this.device.createQuerySet({ label: label("profile"), type: "timestamp", count: PASSES_PER_SET * 2 });
  }

  /** Copies the timestamps into a buffer that can be mapped. */
  #resolve(encoder: GPUCommandEncoder): GPUBuffer {
    const size = this.#kernels.length * BYTES_PER_PASS;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = this.device.createBuffer({ label: label("profile"), size, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.device.createBuffer({ label: label("profile"), size, usage: COPY_DST | MAP_READ });
    [this.#resolved, this.#staging] = [resolved, staging];
    this.#sets.forEach((set, index) => {
      const first = index * PASSES_PER_SET;
      const passes = Math.min(this.#kernels.length - first, PASSES_PER_SET);
      encoder.resolveQuerySet(set, 0, passes * 2, resolved, first * BYTES_PER_PASS);
    });
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    return staging;
  }

  /** Sums of the device time by kernel, slowest first. */
  async timings(stream: CommandStream): Promise<KernelTiming[]> {
    if (this.#kernels.length === 0) return [];
    const staging = stream.encode((encoder) => this.#resolve(encoder));
    stream.flush();
    await staging.mapAsync(GPUMapMode.READ);
    return sumByKernel(this.#kernels, new BigUint64Array(staging.getMappedRange()));
  }

  destroy(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved?.destroy();
    this.#staging?.destroy();
  }
}

/** `nanoseconds` holds beginning and end of each dispatch. */
function sumByKernel(kernels: readonly string[], nanoseconds: BigUint64Array): KernelTiming[] {
  const sums = new Map<string, { count: number; milliseconds: number }>();
  for (const [index, kernel] of kernels.entries()) {
    const elapsed = Number(nanoseconds[index * 2 + 1] - nanoseconds[index * 2]) / 1e6;
    const sum = sums.get(kernel) ?? { count: 0, milliseconds: 0 };
    sums.set(kernel, { count: sum.count + 1, milliseconds: sum.milliseconds + elapsed });
  }
  return [...sums].map(([kernel, sum]) => ({ kernel, ...sum })).sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Runs `work`, which must end with a synchronisation, with a pass of its own for each dispatch, and says how long each kernel took. */
export async function timeDispatches(
  device: GPUDevice,
  stream: CommandStream,
  work: () => Promise<void>,
): Promise<KernelTiming[]> {
  stream.flush();
  const timer = new TimestampRecorder(device);
  stream.timer = timer;
  try {
    await work();
    return await timer.timings(stream);
  } finally {
    stream.timer = undefined;
    stream.flush(); // what still names the queries has to be submitted before they go
    timer.destroy();
  }
}
