/** What is pruned, by what, how much, and in how many rounds. */
import { UsageError } from "../errors.js";
import { checkOptions } from "./check-options.js";
import type { Calibration } from "./collect/calibration.js";
import type { StatisticsState } from "./collect/statistics.js";
import type { Handlers } from "./events.js";
import type { FinetuneContext } from "./finetune.js";
import type { Expression } from "./saliency/expression.js";
import type { AnySaliency, Saliency } from "./saliency/saliency.js";
import type { SourceName } from "./saliency/sources.js";
import { checkSparsity, type ScheduleKind } from "./schedule.js";
import { type Amount, parsePattern, type Scope, type SelectOptions } from "./select.js";
import type { Granularity, Protection } from "./units.js";

/** Options of a `Pruner`. */
export interface PruneOptions<N extends string = SourceName, Own extends string = string>
  extends Omit<SelectOptions, "reference" | "scope"> {
  /** What scores. Written in place, it may use the shipped sources and those of its own `sources`. */
  readonly saliency: Saliency<N> & { readonly sources?: Readonly<Record<Own, Expression>> };
  /** Part of the units to remove, in [0, 1): short for `amount: { sparsity }`. */
  readonly sparsity?: number;
  /** How much goes, in any other terms. */
  readonly amount?: Amount;
  /** What goes as a whole. Default: single weights. */
  readonly granularity?: Granularity;
  /** What is ranked together. Default: everything. */
  readonly scope?: Scope;
  readonly protection?: Protection;
  readonly rounds?: number;
  /** How the amount grows over the rounds. Default: exponential in the density. */
  readonly schedule?: ScheduleKind;
  readonly calibration?: Calibration;
  /** What calibration has summed elsewhere, such as the merged sums of several machines, instead of calibration data. One round only. */
  readonly statistics?: StatisticsState;
  /** Examples in a calibration batch; the loss is the mean over one. */
  readonly batchSize?: number;
  readonly seed?: number;
  /** The rules of a method's authors: selection up to a threshold instead of exact counts, and their score, objective and protection where they have others. */
  readonly reference?: boolean;
  /** Before the first round: training that sources such as `movement` sum over. */
  readonly prepare?: (context: FinetuneContext) => void | Promise<void>;
  /** After each round's masks are on. */
  readonly finetune?: (context: FinetuneContext) => void | Promise<void>;
  /** What a resumed run must agree in besides its options, such as a digest of weights and data. */
  readonly fingerprint?: string;
  /** Keep the masks of each round on the host, to look at and to go back to. */
  readonly snapshots?: boolean;
  /** Weights are part of saved states and of `reset`. Default: where `prepare`, `finetune` or compensation may change them; set it to train outside of these. */
  readonly savesWeights?: boolean;
  /** Handlers of events, as `Pruner.on` adds them. */
  readonly on?: Handlers;
  readonly signal?: AbortSignal;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly saliency: AnySaliency;
  readonly amount: Amount;
  readonly granularity: Granularity;
  readonly scope: Scope;
  readonly protection: Protection;
  readonly rounds: number;
  readonly schedule: ScheduleKind;
  readonly calibration: Calibration | undefined;
  readonly statistics: StatisticsState | undefined;
  readonly batchSize: number;
  readonly seed: number;
  readonly reference: boolean;
  readonly selection: SelectOptions;
  readonly prepare: PruneOptions["prepare"];
  readonly finetune: PruneOptions["finetune"];
  readonly fingerprint: string;
  readonly snapshots: boolean;
  readonly savesWeights: boolean;
  readonly on: Handlers;
  readonly signal: AbortSignal | undefined;
}

function patternSparsity(pattern: string): number {
  const { keep, run } = parsePattern(pattern);
  return 1 - keep / run;
}

/** @throws UsageError for options out of range, or none or two of `sparsity` and `amount`. */
export function resolveOptions<N extends string, Own extends string>(options: PruneOptions<N, Own>): ResolvedOptions {
  checkOptions(options as PruneOptions<string, string>);
  const { rounds = 1, reference = false, scope = "global", batchSize = 16, pattern } = options;
  const saliency: AnySaliency = options.saliency;
  const sparsity = options.sparsity ?? (pattern && !options.amount ? patternSparsity(pattern) : undefined);
  if ((sparsity === undefined) === (options.amount === undefined)) {
    const [got, remedy] =
      sparsity === undefined ? ["neither", "sparsity: 0.9 keeps a tenth"] : ["both", "leave one out"];
    throw new UsageError(`prune: expected either sparsity or amount, got ${got}; ${remedy}`);
  }
  const amount = options.amount ?? { sparsity: sparsity! };
  if ("sparsity" in amount) checkSparsity(amount.sparsity, rounds);
  else checkSparsity(0, rounds);
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UsageError(`batchSize: expected 1 or more, got ${batchSize}; correct it`);
  }
  const { floor, ceiling, multipleOf, monotone } = options;
  if (saliency.compensate && (monotone ?? !reference) === false) {
    throw new UsageError(
      "monotone: expected units that stay pruned with a saliency that compensates, got units that may come back; leave compensate or monotone out",
    );
  }
  if (options.statistics && rounds > 1) {
    throw new UsageError(`statistics: expected one round with statistics that are given, got ${rounds}; score anew`);
  }
  return {
    saliency,
    amount,
    granularity: options.granularity ?? "weight",
    scope,
    protection: { ...(reference && saliency.referenceProtection), ...options.protection },
    rounds,
    schedule: options.schedule ?? (rounds > 1 ? "exponential" : "one-shot"),
    calibration: options.calibration,
    statistics: options.statistics,
    batchSize,
    seed: options.seed ?? 0,
    reference,
    selection: { scope, reference, floor, ceiling, multipleOf, pattern, monotone },
    prepare: options.prepare,
    finetune: options.finetune,
    fingerprint: options.fingerprint ?? "",
    snapshots: options.snapshots ?? false,
    savesWeights: options.savesWeights ?? Boolean(saliency.compensate || options.prepare || options.finetune),
    on: options.on ?? {},
    signal: options.signal,
  };
}
