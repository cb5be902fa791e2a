/** How long kernels take for a workload: device time where the device tells it, else wall time. */
import type { Gpu, Recording } from "../../gpu/index.js";
import type { MatmulVariant } from "../matmul-variant.js";
import type { MatmulWorkload } from "./choices.js";
import { runVariant } from "./run-variant.js";

/** Candidates that are this much slower than the fastest at the first two looks are not looked at again. */
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

/** A timing of each variant in milliseconds, fastest first; of those that were dropped early that of the first looks. */
export async function measureVariants(
  gpu: Gpu,
  workload: MatmulWorkload,
  variants: readonly MatmulVariant[],
): Promise<[variant: MatmulVariant, milliseconds: number][]> {
  const { masked, order } = workload;
  const { m, n, k, batch = 1 } = workload.size;
  const bits = order === "tn" ? m * n : n * k;
  const buffers = gpu.unscoped(() => ({
    ...{ a: gpu.allocate(4 * batch * m * k), b: gpu.allocate(4 * batch * k * n), out: gpu.allocate(4 * batch * m * n) },
    ...(masked && { mask: gpu.allocate(4 * Math.ceil(bits / 32)) }),
  }));
  gpu.upload(buffers.a, values(batch * m * k));
  gpu.upload(buffers.b, values(batch * k * n));
  if (buffers.mask) gpu.upload(buffers.mask, new Uint32Array(Math.ceil(bits / 32)).fill(0xffff_ffff));
  const recordings = new Map<MatmulVariant, Recording<void>>();
  try {
    const times = new Map<MatmulVariant, number>();
    for (const variant of variants) {
      const recording = gpu.record(() => runVariant(gpu, variant, workload, buffers));
      recordings.set(variant, recording);
      await sample(gpu, recording, 1); // compiles
      times.set(variant, Math.min(await sample(gpu, recording, 1), await sample(gpu, recording, 1)));
    }
    const best = Math.min(...times.values());
    const hopeful = variants.filter((variant) => (times.get(variant) as number) <= HOPELESS * best);
    const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.round(SAMPLE_MS / best)));
    for (let round = 0; round < ROUNDS && hopeful.length > 1; round++) {
      for (const variant of hopeful) {
        const time = await sample(gpu, recordings.get(variant) as Recording<void>, repeats);
        times.set(variant, Math.min(time, times.get(variant) as number));
      }
    }
    return [...times].sort(([, a], [, b]) => a - b);
  } finally {
    for (const recording of recordings.values()) recording.release();
    for (const buffer of Object.values(buffers)) gpu.release(buffer);
  }
}
