/** Finds the fastest kernel for a product among those that compute right here. */
import type { Gpu } from "../../gpu/index.js";
import { chooseTile, TILE_NAMES } from "../matmul-tile.js";
import { chooseTiles, type MatmulVariant, variantFits } from "../matmul-variant.js";
import { type MatmulWorkload, workloadKind } from "./choices.js";
import { type MeasureHooks, measureVariants } from "./measure.js";
import { isProven } from "./proofs.js";
import type { VariantRunner } from "./run-variant.js";

/** What a search may choose from. */
export interface TuneOptions extends MeasureHooks {
  /** "f16" also tries matrix units, which round operands to f16; "f32" by default. */
  readonly precision?: "f32" | "f16";
  /** Tries these only, of those that can run. */
  readonly variants?: readonly MatmulVariant[];
  /** Runs the self-test's products. */
  readonly run?: VariantRunner;
}

/** What was found out about one product. */
export interface TunedMatmul {
  readonly workload: MatmulWorkload;
  readonly variant: MatmulVariant;
  /** Of one product, by the chosen kernel and by the one that the device takes untuned. */
  readonly milliseconds: number;
  readonly untuned: number;
  /** Kernels that do not run here, and those that would have been chosen but compute wrongly. */
  readonly refused: readonly MatmulVariant[];
}

/** What the device takes where nothing was tuned, by its full name. */
export function untunedVariant(gpu: Gpu, { size }: MatmulWorkload): MatmulVariant {
  const kind = chooseTiles(gpu, size);
  return kind === "lane" ? kind : `${kind} ${chooseTile(gpu, size)}`;
}

type Timed = readonly [variant: MatmulVariant, milliseconds: number];

/** Where candidates were this much slower than the fastest, no other size of the product will do them good on a software driver. */
const BEYOND_HOPE = 2;
const slowOn = new WeakMap<Gpu, Set<string>>();

/** Whether an earlier product of the kind showed it. */
const isSlow = (gpu: Gpu, workload: MatmulWorkload, variant: MatmulVariant): boolean =>
  slowOn.get(gpu)?.has(`${workloadKind(workload)}: ${variant}`) ?? false;

/** On a GPU the size makes a tile fast or slow: only software drivers are remembered. */
function rememberSlow(gpu: Gpu, workload: MatmulWorkload, times: readonly Timed[]): void {
  if (!gpu.info.software) return;
  const slow = slowOn.get(gpu) ?? new Set();
  slowOn.set(gpu, slow);
  const limit = BEYOND_HOPE * Math.min(...times.map(([, milliseconds]) => milliseconds));
  for (const [variant, milliseconds] of times) {
    if (milliseconds > limit) slow.add(`${workloadKind(workload)}: ${variant}`);
  }
}

/** Kernels that could run a product on this device and are not known to be slow, the untuned choice first. */
function candidates(gpu: Gpu, workload: MatmulWorkload, options: TuneOptions = {}): MatmulVariant[] {
  const { precision = "f32", variants } = options;
  // Software drivers run invocations one after the other: there is nothing to fill by splitting.
  const kinds = gpu.info.software ? (["tile"] as const) : (["tile", "split"] as const);
  const all: MatmulVariant[] = [
    ...[untunedVariant(gpu, workload), "lane" as const],
    ...TILE_NAMES.flatMap((name) => kinds.map((kind) => `${kind} ${name}` as const)),
    ...(precision === "f16" ? ["subgroup matrix" as const] : []),
  ];
  const wanted = variants ?? all.filter((variant) => !isSlow(gpu, workload, variant));
  return [...new Set(wanted)].filter((variant) => variantFits(gpu, variant));
}

/** Of what ships, that another kernel must do in to replace it: less is noise. */
const WORTH_IT = 0.95;

/** Fastest first, but the untuned one before those that hardly beat it. */
function byPreference(times: readonly Timed[], untuned: MatmulVariant): Timed[] {
  const limit = (times.find(([variant]) => variant === untuned)?.[1] ?? Number.NaN) * WORTH_IT;
  const rank = ([variant, milliseconds]: Timed) => (variant === untuned ? limit : milliseconds);
  return [...times].sort((a, b) => rank(a) - rank(b));
}

/**
 * Times the candidates and takes the fastest that passes the self-test. The portable kernel `tile` stays where none does.
 * @throws GpuError for faults of the device that no candidate is to blame for; the signal's reason when aborted.
 */
export async function tuneMatmul(gpu: Gpu, workload: MatmulWorkload, options: TuneOptions = {}): Promise<TunedMatmul> {
  const tried = candidates(gpu, workload, options);
  const times = await measureVariants(gpu, workload, tried, options);
  rememberSlow(gpu, workload, times);
  const shipped = untunedVariant(gpu, workload);
  const refused = tried.filter((candidate) => times.every(([variant]) => variant !== candidate));
  const untuned = times.find(([variant]) => variant === shipped)?.[1];
  for (const [variant, milliseconds] of byPreference(times, shipped)) {
    if (await isProven(gpu, variant, workload, options.run))
      return { workload, variant, milliseconds, untuned: untuned ?? milliseconds, refused };
    refused.push(variant);
  }
  const [[variant, milliseconds]] = await measureVariants(gpu, workload, ["tile"]);
  return { workload, variant, milliseconds, untuned: untuned ?? milliseconds, refused };
}
