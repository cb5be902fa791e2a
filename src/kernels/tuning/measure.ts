/** How long kernels take for a workload: device time where the device tells it, else wall time. */
import type { Gpu, Recording } from "../../gpu/index.js";
import type { MatmulBuffers } from "../matmul.js";
import type { MatmulVariant } from "../matmul-variant.js";
import type { MatmulWorkload } from "./choices.js";
import { runVariant } from "./run-variant.js";

/** Candidates that are this much slower than the fastest so far at the first look are not looked at again. */
const HOPELESS = 1.5;
const ROUNDS = 3;
const SAMPLE_MS = 5;
const MOST_REPEATS = 50;

/** Milliseconds of one run. */
async function sample(gpu: Gpu, recording: Recording<void>, repeats: number): Promise<number> {
  const replay = () => {
    for (let i = 0; i < repeats; i++) recording.replay();
  };
  if (gpu.features.has("timestamp-query")) {
    const timings = await gpu.profile(replay);
    return timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / repeats;
  }
  const start = performance.now();
  replay();
  await gpu.sync();
  return (performance.now() - start) / repeats;
}

/** Numbers of both signs near one: zeros and denormals would be another workload. */
const values = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1);

function makeBuffers(gpu: Gpu, { masked, order, size: { m, n, k, batch = 1 } }: MatmulWorkload) {
  const words = Math.ceil((order === "tn" ? m * n : n * k) / 32);
  const buffers = gpu.unscoped(() => ({
    ...{ a: gpu.allocate(4 * batch * m * k), b: gpu.allocate(4 * batch * k * n), out: gpu.allocate(4 * batch * m * n) },
    ...(masked && { mask: gpu.allocate(4 * words) }),
  }));
  gpu.upload(buffers.a, values(batch * m * k));
  gpu.upload(buffers.b, values(batch * k * n));
  if (buffers.mask) gpu.upload(buffers.mask, new Uint32Array(words).fill(0xffff_ffff));
  return buffers;
}

/** How somebody who waits follows the measuring. */
export interface MeasureHooks {
  /** Ends it between two kernels. */
  readonly signal?: AbortSignal;
  /** Called after each first look at a kernel, which compiles it and so takes the most time, with the part of all kernels that were seen. */
  readonly onProgress?: (part: number) => void;
}

/** Candidates that can be run, by their recordings, and the best time of each. */
class Race {
  readonly recordings = new Map<MatmulVariant, Recording<void>>();
  readonly times = new Map<MatmulVariant, number>();

  constructor(
    private readonly gpu: Gpu,
    private readonly workload: MatmulWorkload,
    private readonly buffers: MatmulBuffers,
  ) {}

  get best(): number {
    return Math.min(...this.times.values());
  }

  /** Those that are worth another look, and the first, with which the others are compared. */
  get hopeful(): [MatmulVariant, Recording<void>][] {
    const limit = HOPELESS * this.best;
    return [...this.recordings].filter(([variant], i) => i === 0 || (this.times.get(variant) as number) <= limit);
  }

  async time(variant: MatmulVariant, recording: Recording<void>, repeats: number): Promise<void> {
    const time = await sample(this.gpu, recording, repeats);
    this.times.set(variant, Math.min(time, this.times.get(variant) ?? Number.POSITIVE_INFINITY));
  }

  async firstLook(variant: MatmulVariant): Promise<void> {
    const { gpu } = this;
    const { pipelines } = gpu.counters;
    let recording: Recording<void> | undefined;
    try {
      recording = gpu.record(() => runVariant(gpu, variant, this.workload, this.buffers));
      if (gpu.counters.pipelines > pipelines) await sample(gpu, recording, 1); // compiles
      await this.time(variant, recording, 1);
      this.recordings.set(variant, recording);
    } catch {
      // It does not compile, which is its own affair; a lost device is not.
      recording?.release();
      await gpu.sync();
    }
  }
}

/**
 * A timing of each variant in milliseconds; of those that were dropped early that of the first look. Those that do not run are left out.
 * @throws GpuError for faults of what was dispatched before, and when the device is lost; the signal's reason when aborted.
 */
export async function measureVariants(
  gpu: Gpu,
  workload: MatmulWorkload,
  variants: readonly MatmulVariant[],
  { signal, onProgress }: MeasureHooks = {},
): Promise<[variant: MatmulVariant, milliseconds: number][]> {
  await gpu.sync();
  const buffers = makeBuffers(gpu, workload);
  const race = new Race(gpu, workload, buffers);
  try {
    for (const [index, variant] of variants.entries()) {
      signal?.throwIfAborted();
      await race.firstLook(variant);
      onProgress?.((index + 1) / variants.length);
    }
    const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.round(SAMPLE_MS / race.best)));
    for (let round = 0; round < ROUNDS && race.hopeful.length > 1; round++) {
      for (const [variant, recording] of race.hopeful) {
        signal?.throwIfAborted();
        await race.time(variant, recording, repeats);
      }
    }
    return [...race.times];
  } finally {
    for (const recording of race.recordings.values()) recording.release();
    for (const buffer of Object.values(buffers)) gpu.release(buffer);
  }
}
