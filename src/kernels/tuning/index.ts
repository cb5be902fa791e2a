/** Which choices a device starts with, for `Gpu.create({ tuning })`. */
import type { Gpu, Tuning } from "../../gpu/index.js";
import type { MatmulOrder } from "../matmul.js";
import type { MatmulVariant } from "../matmul-variant.js";
import { proveAttention } from "./attention-proofs.js";
import { choose, type MatmulWorkload } from "./choices.js";
import { readCachedTuning, writeCachedTuning } from "./kept.js";
import { isProven } from "./proofs.js";
import type { VariantRunner } from "./run-variant.js";
import { shippedFallback } from "./shipped.js";
import { type TuneOptions, tuneMatmul } from "./tune.js";
import {
  makeTuningFile,
  mismatch,
  parseTuningFile,
  refuseTuning,
  type TuningFile,
  type TuningSource,
} from "./tuning-file.js";

export { type MatmulWorkload, type TunedChoices, tunedChoices, workloadKey } from "./choices.js";
export { readCachedTuning, writeCachedTuning } from "./kept.js";
export type { MeasureHooks } from "./measure.js";
export type { VariantRunner } from "./run-variant.js";
export { type TunedMatmul, type TuneOptions, tuneMatmul } from "./tune.js";
export { makeTuningFile, type TuningFile, type TuningSource } from "./tuning-file.js";
export { type NamedWorkload, vitWorkloads } from "./workloads.js";

/** Small products of the kinds that a key stands for: with the shortest and the longest of its sums, and rows of the result whole vec4 or not where it leaves that open. */
function workloadsOfKey(key: string): MatmulWorkload[] {
  const words = key.split(" ");
  const order = words[0] as MatmulOrder;
  const ragged = words.includes("ragged") ? 1 : 0;
  const columns = order === "nt" || ragged ? [4, 5] : [4];
  const depth = Number(words[words.length - 1].split("x")[2]);
  const quads = [Math.ceil(2 ** (depth - 0.5) / 4), Math.floor(2 ** (depth + 0.5) / 4)];
  return columns.flatMap((n) =>
    quads.map((each) => ({
      order,
      masked: words.includes("masked"),
      size: { m: 4 + ragged, n, k: 4 * Math.max(1, each) + ragged },
    })),
  );
}

/** Choices of a file less those that fail the self-test on this device, for which the untuned kernel stays. */
async function provenChoices(
  gpu: Gpu,
  { matmul }: TuningFile,
  run?: VariantRunner,
): Promise<Map<string, MatmulVariant>> {
  const proven = new Map<string, MatmulVariant>();
  const passes = async (key: string, variant: MatmulVariant) => {
    for (const workload of workloadsOfKey(key)) if (!(await isProven(gpu, variant, workload, run))) return false;
    return true;
  };
  for (const [key, variant] of Object.entries(matmul)) {
    if (await passes(key, variant)) proven.set(key, variant);
    else
      console.warn(`secateur: kernel "${variant}" computes wrongly on ${gpu.info.description}; "${key}" goes without`);
  }
  return proven;
}

/** The self-test of what ships, then that of what was chosen; that of attention as it is used. */
async function provenStart(gpu: Gpu, file: TuningFile | undefined, run?: VariantRunner) {
  const fallback = await shippedFallback(gpu, run);
  await proveAttention(gpu);
  return { fallback, matmul: file ? await provenChoices(gpu, file, run) : new Map<string, MatmulVariant>() };
}

/** What ships, and nothing that was tuned: where it fails the self-test, a portable kernel takes its place, with a warning. */
export function shippedTuning(options: Pick<TuneOptions, "run"> = {}): Tuning {
  return {
    async prepare(gpu) {
      choose(gpu, await provenStart(gpu, undefined, options.run));
    },
  };
}

/** What pins may be told: how errors call the file. */
export type PinnedOptions = TuningSource & Pick<TuneOptions, "run">;

/**
 * The choices of a file, and no others: two runs with the same file are equal bit for bit on the same device and driver. Each kernel must pass a
 * self-test; one that fails is refused with a warning.
 * @param data - what `JSON.parse` makes of the text of a file that `secateur tune --out` wrote
 * @throws FormatError when the file is none, or was made for another device, driver or version of the kernels.
 */
export function pinnedTuning(data: unknown, options: PinnedOptions = {}): Tuning {
  const file = parseTuningFile(data, options);
  return {
    async prepare(gpu) {
      const problem = mismatch(gpu, file);
      if (problem !== undefined) refuseTuning(problem, options);
      choose(gpu, await provenStart(gpu, file, options.run));
    },
  };
}

/** What `secateur tune` and earlier lazy runs kept for this device; the shipped choices where they kept nothing. */
export function cachedTuning(): Tuning {
  return {
    async prepare(gpu) {
      choose(gpu, await provenStart(gpu, await readCachedTuning(gpu)));
    },
  };
}

/**
 * As `cachedTuning`, and a product that has no choice is tuned at the end of the next `sync` or `read`; what is recorded until then keeps the
 * shipped kernel. What is found out is kept for later runs. Results change in the last digits where a kernel changes.
 */
export function lazyTuning(options: TuneOptions = {}): Tuning {
  return {
    async prepare(gpu) {
      const { fallback, matmul } = await provenStart(gpu, await readCachedTuning(gpu), options.run);
      const wanted = new Set<string>();
      const miss = (key: string, workload: MatmulWorkload) => {
        if (wanted.has(key)) return;
        wanted.add(key);
        gpu.atNextAwait(async () => {
          // Whoever awaits wants results, which are there: a lost device tells them itself.
          await withoutFailing("a kernel is not tuned", async () => {
            matmul.set(key, (await tuneMatmul(gpu, workload, options)).variant);
          });
          await withoutFailing("tuning is not kept", () => keepChoices(gpu, matmul));
        });
      };
      choose(gpu, { matmul, fallback, miss });
    },
  };
}

/** Adds to what other processes have kept meanwhile. */
async function keepChoices(gpu: Gpu, matmul: ReadonlyMap<string, MatmulVariant>): Promise<void> {
  const others = Object.entries((await readCachedTuning(gpu))?.matmul ?? {});
  await writeCachedTuning(gpu, makeTuningFile(gpu, new Map([...others, ...matmul])));
}

const warned = new Set<string>();

/** A failure is told, once a kind. */
async function withoutFailing(what: string, fn: () => Promise<void>): Promise<void> {
  try {
    await fn();
  } catch (error) {
    if (!warned.has(what)) console.warn(`secateur: ${what}: ${(error as Error).message}`);
    warned.add(what);
  }
}
