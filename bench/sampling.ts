/** Times a row: one run that compiles, a few to see how many make a sample, then samples of that many runs each. */
import type { Gpu } from "../src/gpu/index.js";
import { type Ceilings, floorOf, type Measurement, median } from "./result.js";
import type { Row } from "./row.js";

/** How much time a row gets. */
export interface Effort {
  /** Milliseconds of one sample, at least one run. */
  readonly sample: number;
  /** Milliseconds of all samples: no more are begun after that. */
  readonly total: number;
  readonly samples: number;
}

export const QUICK: Effort = { sample: 60, total: 600, samples: 9 };
export const FULL: Effort = { sample: 60, total: 5000, samples: 21 };

const LEAST_SAMPLES = 3;
const MOST_REPEATS = 400;

/** Milliseconds of one run. */
interface Timing {
  readonly wall: number;
  readonly cpu: number;
  /** Of the calling thread, to encode and submit. */
  readonly api: number;
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @throws the signal's reason when aborted. */
export async function timeRow(
  gpu: Gpu,
  row: Row,
  ceilings: Ceilings,
  { sample, total, samples: most }: Effort = QUICK,
  signal?: AbortSignal,
): Promise<Measurement> {
  await gpu.sync();
  gpu.trim();
  const before = gpu.memory.inUse;
  gpu.resetPeak();
  using prepared = await row.prepare(gpu);
  const time = async (repeats: number): Promise<Timing> => {
    signal?.throwIfAborted();
    const [start, cpu, api] = [performance.now(), cpuMilliseconds(), gpu.hostTime];
    for (let i = 0; i < repeats; i++) {
      const running = prepared.run();
      if (running) await running;
    }
    await gpu.sync();
    return {
      wall: (performance.now() - start) / repeats,
      cpu: (cpuMilliseconds() - cpu) / repeats,
      api: (gpu.hostTime - api) / repeats,
    };
  };

  const first = await time(1);
  await prepared.check?.();
  gpu.resetPeak(); // what the check takes is not the row's
  const counted = gpu.counters.dispatches;
  let trial = await time(1);
  const dispatches = gpu.counters.dispatches - counted;
  let repeats = 1;
  // One run of a short row is mostly the wait for it: how many make a sample shows only when many run.
  while (repeats < MOST_REPEATS && repeats * trial.wall < sample / 2) {
    repeats = Math.min(MOST_REPEATS, Math.max(2 * repeats, Math.round(sample / trial.wall)));
    trial = await time(repeats);
  }

  const timings: Timing[] = [trial];
  const end = performance.now() + total;
  while (timings.length < LEAST_SAMPLES || (timings.length < most && performance.now() < end)) {
    timings.push(await time(repeats));
  }
  const samples = timings.map(({ wall }) => wall);
  const least = (of: (timing: Timing) => number) => Math.min(...timings.map(of));
  const milliseconds = Math.min(...samples);
  const { name, family, flops = null, bytes = null } = row;
  const rate = (amount: number | null) => (amount === null ? null : amount / milliseconds / 1e6);
  return {
    name,
    family,
    samples,
    repeats,
    milliseconds,
    median: median(samples),
    cpu: least(({ cpu }) => cpu),
    compile: Math.max(0, first.wall - median(samples)),
    dispatches,
    api: dispatches === 0 ? null : (least(({ api }) => api) * 1000) / dispatches,
    peakBytes: gpu.memory.peak - before,
    flops,
    bytes,
    gflops: rate(flops),
    gigabytesPerSecond: rate(bytes),
    percent: flops === null && bytes === null ? null : (floorOf(flops, bytes, ceilings) / milliseconds) * 100,
  };
}
