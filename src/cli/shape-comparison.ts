/** What is measured of networks of one size, and the table that shows it. */
import type { Dataset } from "../io/dataset.js";
import { parameterCount } from "../io/parameters.js";
import { architectureOf, type Model } from "../nn/index.js";
import { gateTaylor } from "../prune/criteria/index.js";
import { byGroup, Scorer, type UnitSpace } from "../prune/index.js";
import type { Shape } from "../prune/shapes.js";
import { integer, percent, shortPercent, siPrefix } from "../report/format.js";
import { type Metrics, Trainer, trainingSteps } from "../train/index.js";
import type { CommandContext } from "./host.js";
import { measure } from "./measure.js";
import { GRADIENT_COST, Progress } from "./progress.js";
import { imagesPerSecond } from "./speed.js";
import { textTable } from "./table.js";
import { type TrainingArguments, trainOptions } from "./training-arguments.js";

/** A network, and how it does. */
export interface DescribedModel {
  /** Of the whole network. */
  readonly parameters: number;
  /** Of a forward pass for one image. */
  readonly flops: number;
  readonly imagesPerSecond: number;
  readonly metrics: Metrics;
}

/** A network of the size that was asked for. */
export interface ComparedShape extends Omit<Shape, "parameters">, DescribedModel {
  readonly finetuned: Metrics | null;
  readonly folder: string;
}

/** Data of a comparison, and how it trains. */
export interface ComparisonRun {
  readonly context: CommandContext;
  readonly calibration: Dataset;
  readonly evaluation: Dataset;
  readonly training: Dataset | null;
  readonly options: TrainingArguments;
}

/** Images of a pass whose speed is measured, and of one whose losses are averaged for scores. */
const [SPEED_BATCH, SCORE_BATCH] = [64, 16];

/** Measures networks, with one line of progress over all of them. */
export class ShapeComparison implements Disposable {
  readonly #progress: Progress;

  /** @param shapes - how many networks are compared with the dense one */
  constructor(
    private readonly run: ComparisonRun,
    shapes: number,
  ) {
    const { context, calibration, evaluation, training, options } = run;
    const trained = training ? trainingSteps(training, trainOptions(options)) * options.batch * GRADIENT_COST : 0;
    const measured = evaluation.length * (training ? 2 : 1);
    const work = calibration.length * GRADIENT_COST + evaluation.length + shapes * (trained + measured);
    this.#progress = new Progress(context.stderr, work);
  }

  async describe(model: Model, label: string): Promise<DescribedModel> {
    const metrics = await this.#measure(model, label);
    const [speed] = await imagesPerSecond([model], SPEED_BATCH);
    return {
      parameters: parameterCount(model.config),
      flops: architectureOf(model.config).flops,
      imagesPerSecond: speed,
      metrics,
    };
  }

  /** Gate Taylor scores by group of units. */
  async scores(model: Model, space: UnitSpace): Promise<Map<string, Float32Array>> {
    const { context, calibration, options } = this.run;
    const scorer = new Scorer(model, space, gateTaylor, {
      calibration,
      batchSize: SCORE_BATCH,
      seed: options.seed,
      signal: context.signal,
      onBatch: () => this.#progress.advance(SCORE_BATCH * GRADIENT_COST, "scores"),
    });
    await scorer.score();
    const scores = await scorer.scores.read();
    scorer.release();
    return byGroup(space, (offset, units) => scores.slice(offset, offset + units));
  }

  /** Trains a network where there are data for it, and measures it again. */
  async finetune(model: Model, label: string): Promise<Metrics | null> {
    const { context, training, options } = this.run;
    if (!training) return null;
    using trainer = new Trainer(model, training, trainOptions(options));
    const onStep = () => this.#progress.advance(options.batch * GRADIENT_COST, `finetuning ${label}`);
    await trainer.run({ onStep, signal: context.signal });
    return this.#measure(model, label);
  }

  #measure(model: Model, label: string): Promise<Metrics> {
    return measure(model, this.run.evaluation, { signal: this.run.context.signal, progress: this.#progress, label });
  }

  [Symbol.dispose](): void {
    this.#progress.clear();
  }
}

/** A row a network, the dense one first. */
export function shapeTable(dense: DescribedModel, shapes: readonly ComparedShape[]): string {
  const all = { ...dense, depth: "dense", width: 1, finetuned: null };
  const rows = [all, ...shapes].map(({ depth, width, parameters, flops, metrics, finetuned, imagesPerSecond }) => [
    String(depth),
    shortPercent(width),
    integer(parameters),
    siPrefix(flops),
    percent(metrics.top1),
    percent(finetuned?.top1),
    integer(imagesPerSecond),
  ]);
  return textTable([["depth", "width", "parameters", "FLOPs", "top-1", "finetuned", "images a second"], ...rows]);
}
