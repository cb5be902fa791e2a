/** What attention tells the self-test and asks of it: which kernels are used on a device, and which were refused. */
import type { Gpu } from "../../gpu/index.js";
import type { AttentionPlan, AttentionVariant } from "../attention-variant.js";
import type { FloatStorage } from "../elements.js";

interface Selection {
  readonly headDim: number;
  readonly causal: boolean;
  /** Whether keys have gates. */
  readonly gated: boolean;
}

/** What a kernel of attention is used for, as far as its text or a self-test depends on it. */
export type AttentionTask =
  | (Selection & {
      readonly part: "forward";
      readonly gatedHeads: boolean;
      readonly beside: boolean;
      readonly storage: FloatStorage;
    })
  | (Selection & { readonly part: "gradient" });

/** A plan for any number of rows. */
export type AttentionKernel = Omit<AttentionPlan, "tiles">;

/** A task with its kernels: one, or for gradients that by queries and that by keys. */
export interface AttentionUse {
  readonly task: AttentionTask;
  readonly kernels: readonly AttentionKernel[];
}

/** How many tokens a use first had, for what errors say of it. */
export interface AttentionTokens {
  readonly queries: number;
  readonly keys: number;
}

/** Watches attention on a device. */
export interface AttentionGuard {
  readonly refused: ReadonlySet<AttentionVariant>;
  /** Told of every use, before it runs. */
  readonly used: (use: AttentionUse, tokens: AttentionTokens) => void;
}

const guards = new WeakMap<Gpu, AttentionGuard>();

/** From now on the device's attention is watched. */
export const watchAttention = (gpu: Gpu, guard: AttentionGuard): void => void guards.set(gpu, guard);

/** Whether the variant computed wrongly on this device. */
export const attentionRefused = (gpu: Gpu, variant: AttentionVariant): boolean =>
  guards.get(gpu)?.refused.has(variant) ?? false;

/** "gradients, head dimension 64, 197 tokens, gated keys". */
export function describeUse(task: AttentionTask, { queries, keys }: AttentionTokens): string {
  const ofForward = task.part === "forward" && [task.gatedHeads && "gated heads", task.storage === "f16" && "f16"];
  return [
    task.part === "forward" ? "forward" : "gradients",
    `head dimension ${task.headDim}`,
    queries === keys ? `${queries} tokens` : `${queries} queries of ${keys} keys`,
    task.causal && "causal",
    task.gated && "gated keys",
    ...(ofForward || []),
  ]
    .filter(Boolean)
    .join(", ");
}

/** Tells of kernels that are used because the device chose them. */
export function attentionUsed(
  gpu: Gpu,
  task: AttentionTask,
  { queries, keys }: AttentionTokens,
  ...plans: readonly AttentionPlan[]
): void {
  const guard = guards.get(gpu);
  if (!guard) return;
  const kernels = plans.map(({ variant, constants, width }) => ({ variant, constants, width }));
  guard.used({ task, kernels }, { queries, keys });
}
