/** What collecting goes through: the objective's own sum first, where it has one, then each kind of pass, over its batches. */
import { UsageError } from "../../errors.js";
import { fill } from "../../kernels/fill.js";
import type { Model } from "../../nn/index.js";
import { addTerm, type Tensor, withoutHistory } from "../../tensor/index.js";
import { accumulateBatch, type Objective } from "../saliency/objective.js";
import { batchCount, type Calibration, type CalibrationBatch, readCalibration } from "./calibration.js";
import type { PassKind } from "./passes.js";
import type { Statistic } from "./statistic.js";
import type { StepContext } from "./step-context.js";

/** What a kind of step does, and how it is told from others. */
export type StepKind = Pick<PassKind, "name" | "collects" | "run" | "begin">;

/** A step and the batches that it runs over, of which there are `count` where that is known. */
export interface Stage {
  readonly kind: StepKind;
  readonly count: number | undefined;
  readonly read: () => Iterable<CalibrationBatch> | AsyncIterable<CalibrationBatch>;
  /** Whether its examples are those that sums of activations are divided by. */
  readonly counts: boolean;
}

/** What stages are made for. */
export interface StageSetting {
  readonly model: Model;
  readonly objective: Objective;
  readonly passes: readonly PassKind[];
  /** Parameters with units that are scored. */
  readonly scored: ReadonlySet<string>;
  /** What the objective's sum is written to. */
  readonly accumulated: Tensor | undefined;
  readonly calibration: Calibration | undefined;
  readonly batchSize: number;
}

/** Whether batches have to be run for the objective's sum. */
const accumulates = ({ model, objective: { accumulate: sum }, scored }: StageSetting): boolean =>
  sum !== undefined && !sum.isUniform?.(model, (name) => scored.has(name));

/** Whether calibration data are read. */
export const readsData = (setting: StageSetting): boolean =>
  accumulates(setting) || (setting.passes.length > 0 && setting.objective.input !== "ones");

/** Starts the objective's sum again, and says what has to run. Data that are read must be there. */
export function startStages(setting: StageSetting): Stage[] {
  const { passes } = setting;
  return [...startAccumulation(setting), ...passes.map((pass, index) => passStage(setting, pass, index === 0))];
}

function startAccumulation(setting: StageSetting): Stage[] {
  const { model, accumulated, calibration, batchSize } = setting;
  if (!accumulated) return [];
  if (!accumulates(setting)) {
    fill(model.gpu, { y: accumulated }, { length: accumulated.size, value: 1 });
    return [];
  }
  model.gpu.clear(accumulated.buffer);
  const read = () => readCalibration(calibration!, batchSize);
  return [{ kind: ACCUMULATE, count: batchCount(calibration!, batchSize), read, counts: false }];
}

function passStage(setting: StageSetting, kind: PassKind, counts: boolean): Stage {
  const { model, objective, calibration, batchSize } = setting;
  if (objective.input === "ones") return { kind, count: 1, read: () => [exampleOfOnes(model)], counts };
  const size = kind.each === "example" ? 1 : batchSize;
  return { kind, count: batchCount(calibration!, size), read: () => readCalibration(calibration!, size), counts };
}

function exampleOfOnes({ sampleShape }: Model): CalibrationBatch {
  const length = sampleShape.reduce((product, extent) => product * extent, 1);
  return { images: new Float32Array(length).fill(1), labels: [0] };
}

/** accumulated += what the batch adds. */
const ACCUMULATE: StepKind = {
  name: "accumulate",
  collects: () => false,
  run: ({ model, objective, images, labels, draws, accumulated }: StepContext) => {
    const part = withoutHistory(() => accumulateBatch(model, objective, { images, labels, draws }));
    addTerm("x", { x: part }, accumulated!);
  },
};

/** @throws UsageError for sums that would run into many losses, and for path scores without squares, or of many losses: they are no sums as gradients are. */
export function checkObjective(needed: readonly Statistic[], { input, weights, accumulate: sum }: Objective): void {
  if (sum && input !== "ones") {
    throw new UsageError(
      'accumulate: expected an objective with input "ones", got one that runs over the data; add it',
    );
  }
  if (!needed.some(({ kind }) => kind === "path") || (input === "ones" && weights !== undefined)) return;
  throw new UsageError(
    'pathScore: expected an objective with input "ones" and weights "w * w", got another; score with weight and gradient instead',
  );
}
