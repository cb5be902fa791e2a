/** What was found out about a device's kernels, and the question that `matmul` asks. */
import type { Gpu } from "../../gpu/index.js";
import type { MatmulOrder, MatmulSize } from "../matmul.js";
import type { MatmulCall } from "../matmul-call.js";
import { storedRows } from "../matmul-tile.js";
import { type MatmulVariant, variantFits } from "../matmul-variant.js";

/** What decides which kernel is fast, of one product. */
export interface MatmulWorkload {
  readonly order: MatmulOrder;
  readonly masked: boolean;
  readonly size: MatmulSize;
}

/** Kernels by the workload's key. */
export interface Choices {
  readonly matmul: ReadonlyMap<string, MatmulVariant>;
  /** Takes the place of what ships, where that computes wrongly on this device. */
  readonly fallback?: MatmulVariant;
  /** Told of workloads that have no choice yet. */
  readonly miss?: (key: string, workload: MatmulWorkload) => void;
}

const choicesOf = new WeakMap<Gpu, Choices>();

/** From now on the device's kernels are chosen by these. */
export function choose(gpu: Gpu, choices: Choices): void {
  choicesOf.set(gpu, choices);
}

/** What a device's products take that is not what ships for them. */
export interface TunedChoices {
  /** By the product's key: of a file, of the cache, or found out since. */
  readonly matmul: Readonly<Record<string, MatmulVariant>>;
  /** For all others, where shipped kernels compute wrongly here. */
  readonly fallback: MatmulVariant | null;
}

/** The choices that the device has now. */
export function tunedChoices(gpu: Gpu): TunedChoices {
  const { matmul = [], fallback = null } = choicesOf.get(gpu) ?? {};
  return { matmul: Object.fromEntries(matmul), fallback };
}

const bucket = (extent: number): number => Math.round(Math.log2(extent));

/** Whether rows of both operands are whole vec4. */
export const isWhole = ({ order, size }: MatmulWorkload): boolean =>
  storedRows(order, size).every((length) => length % 4 === 0);

/** "nt masked": what a kernel's text depends on, of a product. */
export function workloadKind(workload: MatmulWorkload): string {
  const { order, masked } = workload;
  return [order, masked && "masked", !isWhole(workload) && "ragged"].filter(Boolean).join(" ");
}

/** "nt masked 8x8x10": sizes to the nearest power of two, so that neighbours share what was measured. */
export function workloadKey(workload: MatmulWorkload): string {
  const { m, n, k, batch = 1 } = workload.size;
  const extents = [m, n, k, ...(batch > 1 ? [batch] : [])];
  return `${workloadKind(workload)} ${extents.map(bucket).join("x")}`;
}

export const workloadOf = ({ order, size, buffers }: MatmulCall): MatmulWorkload => ({
  order,
  size,
  masked: buffers.mask !== undefined,
});

/** Squares of weights, and path scores made of them: f16 holds nothing below 2^-24. */
const ofSquares = ({ options, buffers }: MatmulCall): boolean =>
  options.weightAs === "square" || buffers.scored !== undefined;

/** The kernel that was measured or pinned for such a product, or must replace the shipped one; most often none. */
export function tunedVariant(call: MatmulCall): MatmulVariant | undefined {
  const choices = choicesOf.get(call.gpu);
  return choices && (measuredVariant(choices, call) ?? choices.fallback);
}

function measuredVariant(choices: Choices, call: MatmulCall): MatmulVariant | undefined {
  const { storage = "f32" } = call.options;
  if (storage !== "f32") return undefined; // what is timed reads f32
  const workload = workloadOf(call);
  const key = workloadKey(workload);
  const found = choices.matmul.get(key);
  if (found === undefined) choices.miss?.(key, workload);
  if (found === "subgroup matrix" && ofSquares(call)) return undefined;
  return found !== undefined && variantFits(call.gpu, found) ? found : undefined;
}
