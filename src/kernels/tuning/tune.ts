/** Finds the fastest kernel for a product among those that compute right here. */
import type { Gpu } from "../../gpu/index.js";
import { chooseTile, TILE_NAMES } from "../matmul-tile.js";
import { chooseTiles, type MatmulVariant, variantFits } from "../matmul-variant.js";
import { isWhole, type MatmulWorkload } from "./choices.js";
import { measureVariants } from "./measure.js";
import { proves } from "./prove.js";
import { runVariant, type VariantRunner } from "./run-variant.js";

/** What a search may choose from. */
export interface TuneOptions {
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
  /** Kernels that computed wrongly. */
  readonly refused: readonly MatmulVariant[];
}

/** What the device takes where nothing was tuned, by its full name. */
function untunedVariant(gpu: Gpu, { size }: MatmulWorkload): MatmulVariant {
  const kind = chooseTiles(gpu, size);
  return kind === "lane" ? kind : `${kind} ${chooseTile(gpu, size)}`;
}

/** Kernels that could run a product on this device, the untuned choice first. */
export function candidates(gpu: Gpu, workload: MatmulWorkload, options: TuneOptions = {}): MatmulVariant[] {
  const { precision = "f32", variants } = options;
  // Software drivers run invocations one after the other: there is nothing to fill by splitting.
  const kinds = gpu.info.software ? (["tile"] as const) : (["tile", "split"] as const);
  const all: MatmulVariant[] = [
    ...[untunedVariant(gpu, workload), "lane" as const],
    ...TILE_NAMES.flatMap((name) => kinds.map((kind) => `${kind} ${name}` as const)),
    ...(precision === "f16" ? ["subgroup matrix" as const] : []),
  ];
  return [...new Set(variants ?? all)].filter((variant) => variantFits(gpu, variant));
}

const provenOn = new WeakMap<Gpu, Map<string, Promise<boolean>>>();

/** The self-test, once a device for a kernel, an order, a mask and a kind of rows. */
export function isProven(
  gpu: Gpu,
  variant: MatmulVariant,
  workload: MatmulWorkload,
  run = runVariant,
): Promise<boolean> {
  const key = [variant, workload.order, workload.masked, isWhole(workload)].join(" ");
  const known = provenOn.get(gpu) ?? new Map<string, Promise<boolean>>();
  provenOn.set(gpu, known);
  const found = known.get(key) ?? proves(gpu, variant, workload, run);
  known.set(key, found);
  return found;
}

/**
 * Proves and times the candidates. The portable kernel `tile` stays where no other passes the self-test.
 * @throws GpuError for faults of the device that no candidate is to blame for.
 */
export async function tuneMatmul(gpu: Gpu, workload: MatmulWorkload, options: TuneOptions = {}): Promise<TunedMatmul> {
  await gpu.sync();
  const proven: MatmulVariant[] = [];
  const refused: MatmulVariant[] = [];
  for (const variant of candidates(gpu, workload, options)) {
    ((await isProven(gpu, variant, workload, options.run)) ? proven : refused).push(variant);
  }
  const times = await measureVariants(gpu, workload, proven.length > 0 ? proven : (["tile"] as const));
  const [variant, milliseconds] = times[0];
  const untuned = times.find(([name]) => name === untunedVariant(gpu, workload))?.[1] ?? milliseconds;
  return { workload, variant, milliseconds, untuned, refused };
}
