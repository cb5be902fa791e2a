/** Time of each dispatch by timestamp queries, one pass a dispatch. */
import type { CommandStream, PassTimer } from "./stream.js";

const MAX_QUERIES = 4096;

/** Device time of one kernel over a profiled region. `milliseconds` is the sum over `count` dispatches. */
export interface KernelTiming {
  readonly kernel: string;
  readonly count: number;
  readonly milliseconds: number;
}

export class TimestampRecorder implements PassTimer {
  readonly #set: GPUQuerySet;
  readonly #labels: string[] = [];

  constructor(private readonly device: GPUDevice) {
    this.#set = device.createQuerySet({ type: "timestamp", count: MAX_QUERIES });
  }

  begin(label: string): GPUComputePassTimestampWrites {
    // Past the end the last pair is overwritten; `timings` then leaves those dispatches out of the sums.
    const index = Math.min(this.#labels.length, MAX_QUERIES / 2 - 1);
    this.#labels.push(label);
    return { querySet: this.#set, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
  }

  /** Copies the timestamps into a buffer that can be mapped. */
  resolve(encoder: GPUCommandEncoder): GPUBuffer {
    const count = Math.min(this.#labels.length * 2, MAX_QUERIES);
    const size = Math.max(count, 2) * 8;
    const resolved = this.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    if (count > 0) encoder.resolveQuerySet(this.#set, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    return staging;
  }

  /** Sums nanoseconds by kernel, slowest first. */
  timings(nanoseconds: BigUint64Array): KernelTiming[] {
    const sums = new Map<string, { count: number; milliseconds: number }>();
    for (const [index, kernel] of this.#labels.slice(0, MAX_QUERIES / 2).entries()) {
      const elapsed = Number(nanoseconds[index * 2 + 1] - nanoseconds[index * 2]) / 1e6;
      const sum = sums.get(kernel) ?? { count: 0, milliseconds: 0 };
      sums.set(kernel, { count: sum.count + 1, milliseconds: sum.milliseconds + elapsed });
    }
    return [...sums].map(([kernel, sum]) => ({ kernel, ...sum })).sort((a, b) => b.milliseconds - a.milliseconds);
  }

  destroy(): void {
    this.#set.destroy();
  }
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
  let staging: GPUBuffer | undefined;
  try {
    await work();
    stream.encode((encoder) => {
      staging = timer.resolve(encoder);
    });
    stream.flush();
    await staging!.mapAsync(GPUMapMode.READ);
    return timer.timings(new BigUint64Array(staging!.getMappedRange().slice(0)));
  } finally {
    stream.timer = undefined;
    stream.flush(); // what still names the queries has to be submitted before they go
    staging?.destroy();
    timer.destroy();
  }
}
