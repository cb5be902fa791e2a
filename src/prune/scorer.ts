/** Scores of all units: collects what a saliency needs, then evaluates its expression. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { FloatTensor } from "../io/safetensors.js";
import { type MapInput, map as mapKernel } from "../kernels/map.js";
import { applyMask } from "../kernels/mask.js";
import { randomNormal, randomUniform } from "../kernels/random.js";
import { type Model, type PrunableLayer, requireFloat32 } from "../nn/index.js";
import { addTerm, Tensor } from "../tensor/index.js";
import { Collector, type CollectorOptions } from "./collect/collector.js";
import { domainOf, type Statistic } from "./collect/statistic.js";
import type { Statistics } from "./collect/statistics.js";
import type { GradientSource } from "./finetune.js";
import { Evaluator } from "./saliency/evaluate.js";
import { type Expression, flatten, map, statisticsOf, sum } from "./saliency/expression.js";
import { type AnySaliency, needsTraining, scoreExpression, sourceOf } from "./saliency/saliency.js";
import type { UnitSpace } from "./units.js";

/** Tells the draws of random scores from those of other uses. */
const RANDOM_STREAM = 0x5c0e_0000;

const MOMENT: Statistic = { kind: "moment" };

/** Data, how it is batched, and whose rules hold. */
export interface ScorerOptions extends CollectorOptions {
  /** The authors' score, normalisation and objective, where they have others. */
  readonly reference?: boolean;
}

/** The authors' own score where they have one, divided by the magnitude of the total where they do so. */
function referenceScore(saliency: AnySaliency): Expression {
  const score = scoreExpression({ ...saliency, score: saliency.referenceScore ?? saliency.score });
  return saliency.referenceTotal ? map("s / abs(total)", { s: sum(score), total: sum(score, "model") }) : score;
}

/** Scores the units of a model on its device. */
export class Scorer {
  /** One score a unit, f32. */
  readonly scores: Tensor;
  readonly #collector: Collector;
  readonly #evaluator: Evaluator;
  readonly #expression: Expression;
  readonly #draws: Tensor;
  readonly #gpu: Gpu;
  #observed = false;

  /** @throws UsageError when the saliency names a source that does not exist, or one that the units do not have. */
  constructor(
    private readonly model: Model,
    readonly space: UnitSpace,
    private readonly saliency: AnySaliency,
    private readonly options: ScorerOptions,
  ) {
    requireFloat32(model, "pruning");
    this.#gpu = model.gpu;
    this.#expression = options.reference ? referenceScore(saliency) : scoreExpression(saliency);
    // The authors' own score may stand on other sources.
    const needs: readonly string[] = options.reference && saliency.referenceScore ? [] : saliency.needs;
    const sources = needs.map((name) => sourceOf(saliency, name));
    const needed = [this.#expression, ...sources].flatMap(statisticsOf);
    const moments = needed.some(({ kind }) => kind === "derived") ? [MOMENT] : [];
    const { objective = {}, referenceObjective = objective } = saliency;
    const chosen = options.reference ? referenceObjective : objective;
    this.#collector = new Collector(model, space, [...needed, ...moments], chosen, options);
    const operands = (statistic: Statistic, place: string) => this.#operand(statistic, place);
    this.#evaluator = new Evaluator(model, space, operands, saliency.name ?? "saliency");
    this.scores = Tensor.empty(this.#gpu, [space.count]);
    this.#draws = Tensor.zeros(this.#gpu, [2], "u32");
  }

  /** What calibration has summed: to be saved, or to be added to from other shards of the data. */
  get statistics(): Statistics {
    return this.#collector.statistics;
  }

  /** @throws UsageError when scoring will need data and there are none. */
  requireData(): void {
    this.#collector.requireData();
  }

  /** Collects and writes `scores` for the model as it is now. `draw` changes random scores, and `round` what is drawn for batches, and nothing else. */
  async score(draw = 0, round = draw): Promise<void> {
    if (!this.#observed && needsTraining(this.saliency)) {
      const { name = "saliency" } = this.saliency;
      throw new UsageError(`${name}: expected training steps to sum over, got none; train in prepare or call observe`);
    }
    await this.#collector.collect(round);
    this.evaluate(draw);
  }

  /** Writes `scores` from the statistics as they are. */
  evaluate(draw = 0): void {
    this.#draws.write(Uint32Array.of(this.options.seed, draw));
    this.#evaluator.write(this.#expression, this.scores);
  }

  /** Adds one training step to the statistics of training. May be recorded. */
  observe(gradients: GradientSource): void {
    for (const statistic of this.#collector.needed) {
      if (statistic.kind !== "training") continue;
      for (const { name, value } of this.model.parameters) {
        const total = this.statistics.get(statistic, name);
        const gradient = total && gradients.get(value);
        if (gradient) addTerm(statistic.term, { g: gradient, w: value }, total);
      }
    }
    this.#observed = true;
  }

  /** Takes up what training had summed in a run that was saved. */
  restoreTraining(sums: ReadonlyMap<string, FloatTensor>): void {
    this.statistics.write(sums);
    this.#observed = sums.size > 0;
  }

  /** Forgets all that was summed, training included. */
  reset(): void {
    this.invalidate();
    this.statistics.clear();
    this.#observed = false;
  }

  /** What training has summed, on the device. */
  trainingSums(): [string, Tensor][] {
    return this.statistics.entries(({ kind }) => kind === "training");
  }

  #operand(statistic: Statistic, place: string): Tensor | undefined {
    const { statistics } = this.#collector;
    if (statistic.kind === "weight") return this.model.parameters.get(place).value;
    if (statistic.kind === "keptWeight") return this.#keptWeight(place);
    if (statistic.kind === "random") return this.#random(place, statistic.normal ? randomNormal : randomUniform);
    if (statistic.kind === "rows") return this.#rows(place);
    if (statistic.kind !== "derived") return statistics.get(statistic, place);
    const moment = statistics.get(MOMENT, place);
    return moment && statistic.by.vector(this.#gpu, moment, Math.sqrt(moment.size));
  }

  #keptWeight(parameter: string): Tensor {
    const { value, mask, size: length } = this.model.parameters.get(parameter);
    if (!mask) return value;
    const kept = Tensor.empty(this.#gpu, value.shape);
    applyMask(this.#gpu, { x: value, mask, y: kept }, { length });
    return kept;
  }

  #random(group: string, draw: typeof randomUniform): Tensor {
    const index = this.space.groups.findIndex(({ name }) => name === group);
    const { units: length } = this.space.groups[index];
    const values = Tensor.empty(this.#gpu, [length]);
    draw(this.#gpu, { y: values, state: this.#draws }, { length, stream: RANDOM_STREAM + index });
    return values;
  }

  #rows(place: string): Tensor | undefined {
    const { rows, examples } = this.#collector.statistics;
    const each = rows.get(place);
    return each === undefined ? undefined : Tensor.from(this.#gpu, Float32Array.of(each * examples));
  }

  /** The values of a source at a layer, for compensation: [in], [out] or [in, in]. @throws UsageError for one that is no need, or not of layers. */
  source(name: string, layer: PrunableLayer): Tensor {
    const { name: saliency = "saliency", needs } = this.saliency;
    if (!needs.includes(name)) {
      throw new UsageError(
        `${saliency}: expected one of its needs (${needs.join(", ")}), got ${name}; add it to needs`,
      );
    }
    const { text, leaves } = flatten(sourceOf(this.saliency, name));
    const inputs: Record<string, MapInput | number> = {};
    let length = 0;
    for (const [key, leaf] of leaves) {
      if (leaf.kind === "number") {
        inputs[key] = leaf.value;
        continue;
      }
      const buffer = leaf.kind === "statistic" ? this.#operand(leaf.statistic, layer.name) : undefined;
      if (!buffer) {
        throw new UsageError(
          `${saliency}: expected a source of layers, got ${name}, which ${layer.name} lacks; use another`,
        );
      }
      if (leaves.size === 1 && leaf.kind === "statistic" && domainOf(leaf.statistic) === "matrix") return buffer;
      inputs[key] = { buffer, inner: 1, period: buffer.size };
      length = Math.max(length, buffer.size);
    }
    const y = Tensor.empty(this.#gpu, [length]);
    mapKernel(this.#gpu, text, inputs, { y, length });
    return y;
  }

  /** Gives the memory of recorded steps back. They are recorded again when they are needed, as they are when masks or gates came or went. */
  invalidate(): void {
    this.#collector.invalidate();
  }

  release(): void {
    this.#collector.release();
    this.#gpu.release(this.scores);
    this.#gpu.release(this.#draws);
  }
}
