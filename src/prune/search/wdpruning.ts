/** WDPruning: width pruning by learned scores and thresholds under a budget of parameters (Yu et al., AAAI 2022). */
import { UsageError } from "../../errors.js";
import type { ParameterBudget } from "../../kernels/index.js";
import type { Model } from "../../nn/index.js";
import { add, parameterBudget } from "../../tensor/index.js";
import { ADAMW_DEFAULTS, cosineRate } from "../../train/index.js";
import { readMasks } from "../masks/masks.js";
import { byGroup, type UnitSpace } from "../units.js";
import { applyKept } from "./apply-kept.js";
import { LearnedValues } from "./learned-values.js";
import { RankedGates, type RankedPlace } from "./ranked-gates.js";
import type { Search, SearchMethod, SearchOptions, SearchResult } from "./search.js";
import { type ModelBranch, modelBranches } from "./wdpruning-branches.js";
import { branchBudget, publishedBudget } from "./wdpruning-budget.js";
import { fitBudget, keptParameters, keptUnits, type LearnedBranch } from "./wdpruning-selection.js";

/** What is WDPruning's own. */
export interface WDPruningOptions {
  /** Where thresholds begin; its sigmoid is the part that stays. Default 10. */
  readonly initialThreshold?: number;
  /**
   * Highest learning rate of thresholds and scores, on a cosine. Default 0.0025, or in short searches what can bring a threshold from its start to 0 in an
   * eighth of the steps; under `reference` 0.0025.
   */
  readonly thresholdLearningRate?: number;
  /** Highest rate at which the factors of the penalty ascend, on the same cosine. Default 10. */
  readonly lambdaLearningRate?: number;
  /** Rows and neurons stay in multiples of it, where it divides their number. Default 16. */
  readonly roundTo?: number;
}

type Settings = Required<WDPruningOptions> & SearchOptions;

/** Of thresholds, in the authors' code. */
const PUBLISHED_RATE = 0.0025;
/** What the cosines of thresholds, scores and factors end at. */
const FINAL_RATE = 1e-5;

/** @throws UsageError for options out of range. */
function settingsOf(own: WDPruningOptions, options: SearchOptions): Settings {
  const { initialThreshold = 10, lambdaLearningRate = 10, roundTo = 16 } = own;
  const shortSearch = options.reference ? 0 : (8 * Math.abs(initialThreshold)) / options.totalSteps;
  const { thresholdLearningRate = Math.max(PUBLISHED_RATE, shortSearch) } = own;
  const settings = { initialThreshold, thresholdLearningRate, lambdaLearningRate, roundTo, ...options };
  for (const name of ["thresholdLearningRate", "lambdaLearningRate"] as const) {
    if (settings[name] > FINAL_RATE) continue;
    throw new UsageError(`${name}: expected more than ${FINAL_RATE}, got ${settings[name]}; raise it`);
  }
  if (!Number.isInteger(settings.roundTo) || settings.roundTo < 1) {
    throw new UsageError(`roundTo: expected a whole number of 1 or more, got ${settings.roundTo}; correct it`);
  }
  return settings;
}

class WDPruningSearch implements Search {
  readonly #space: UnitSpace;
  readonly #branches: readonly ModelBranch[];
  readonly #budget: ParameterBudget;
  /** Parameters that may stay of those that units and rows have. */
  readonly #most: number;
  readonly #gates: RankedGates;
  /** Factors of the excess over the budget, and of its square. */
  readonly #lambdas: LearnedValues;

  constructor(
    private readonly model: Model,
    private readonly settings: Settings,
  ) {
    const { sparsity, reference, initialThreshold } = settings;
    const { space, branches } = modelBranches(model);
    this.#space = space;
    this.#branches = branches;
    const depth = branches.length / 2;
    this.#budget = reference ? publishedBudget(depth, 1 - sparsity) : branchBudget(branches, 1 - sparsity);
    this.#most = this.#mostParameters();
    const scoreDecay = reference ? ADAMW_DEFAULTS.weightDecay : 0;
    this.#gates = new RankedGates(model, branches.flatMap(this.#places), { initialThreshold, scoreDecay });
    this.#lambdas = new LearnedValues(model.gpu, new Float32Array(2));
  }

  /** Sixteen heads would all stay or all but none go: only the authors' code rounds their number. */
  readonly #places = ({ unitGroup, unitPlace, rowGroup }: ModelBranch): RankedPlace[] => {
    const { roundTo, reference } = this.settings;
    const heads = unitPlace.endsWith("attn.qkv");
    return [
      {
        place: unitPlace,
        offset: unitGroup.offset,
        count: unitGroup.units,
        roundTo: heads && !reference ? 1 : roundTo,
      },
      { place: rowGroup.name, offset: rowGroup.offset, count: rowGroup.units, roundTo },
    ];
  };

  /** @throws UsageError when what every place keeps at least is more than that. */
  #mostParameters(): number {
    const { sparsity } = this.settings;
    const all = [...this.model.parameters].reduce((sum, p) => (p.name.startsWith("blocks.") ? sum + p.size : sum), 0);
    const none = new Float32Array(2 * this.#branches.length).fill(Number.NEGATIVE_INFINITY);
    const learned = this.#learned(new Float32Array(this.#space.count), none);
    const fewest = keptParameters(learned);
    const whole = keptParameters(
      this.#learned(
        new Float32Array(this.#space.count),
        none.map((t) => -t),
      ),
    );
    const most = whole - sparsity * all;
    if (fewest <= most) return most;
    const highest = (whole - fewest) / all;
    throw new UsageError(
      `sparsity: expected at most ${highest.toFixed(3)}, as every layer keeps a unit or ${this.settings.roundTo} rows, got ${sparsity}; lower it or roundTo`,
    );
  }

  /** What was learned, by branch. */
  #learned(scores: Float32Array, thresholds: Float32Array): LearnedBranch[] {
    return this.#branches.map((branch, index) => {
      const [rankedUnits, rankedRows] = this.#places(branch).map(({ offset, count, roundTo }, i) => {
        return { scores: scores.subarray(offset, offset + count), threshold: thresholds[2 * index + i], roundTo };
      });
      return { ...branch, rankedUnits, rankedRows };
    });
  }

  readonly objective: Search["objective"] = ({ loss }) =>
    add(loss, parameterBudget(this.#gates.thresholds.values, this.#lambdas.values, this.#budget));

  readonly onGradients: Search["onGradients"] = (gradients) => {
    const byLambdas = gradients.get(this.#lambdas.values);
    this.#gates.update(gradients);
    if (byLambdas) this.#lambdas.update(byLambdas);
  };

  readonly beforeStep = (step: number): void => {
    const { totalSteps, thresholdLearningRate, lambdaLearningRate, learningRate, reference } = this.settings;
    const cosine = { final: FINAL_RATE, warmupSteps: 0, totalSteps };
    const thresholds = cosineRate({ ...cosine, peak: thresholdLearningRate }, step);
    this.#gates.thresholds.prepare(step, thresholds);
    // The authors' code leaves the scores among the weights, by a slip in a name.
    this.#gates.scores.prepare(step, reference ? cosineRate({ ...cosine, peak: learningRate }, step) : thresholds);
    this.#lambdas.prepare(step, -cosineRate({ ...cosine, peak: lambdaLearningRate }, step));
  };

  readonly finish = async (): Promise<SearchResult> => {
    const scores = await this.#gates.scores.values.read();
    const learned = this.#learned(scores, await this.#gates.thresholds.values.read());
    const branches = this.settings.reference ? learned : fitBudget(learned, this.#most);
    const kept = new Map(
      branches.flatMap(({ rankedUnits, rankedRows }, index) => {
        const { unitGroup, rowGroup } = this.#branches[index];
        return [
          [unitGroup.name, keptUnits(rankedUnits)],
          [rowGroup.name, keptUnits(rankedRows)],
        ] as const;
      }),
    );
    this.#gates[Symbol.dispose]();
    applyKept(this.model, this.#space, kept);
    const byName = byGroup(this.#space, (offset, units) => ({
      shape: [units],
      data: scores.slice(offset, offset + units),
    }));
    return { space: this.#space, masks: await readMasks(this.model), kept, scores: byName };
  };

  [Symbol.dispose](): void {
    this.#gates[Symbol.dispose]();
    this.#lambdas[Symbol.dispose]();
  }
}

/** WDPruning with options of its own; see docs/methods/wdpruning.md. Of ViTs. */
export const wdpruning = (options: WDPruningOptions = {}): SearchMethod => ({
  name: "wdpruning",
  formula: "learned scores, of which each layer keeps as many as its learned threshold says",
  start: (model, searchOptions) => new WDPruningSearch(model, settingsOf(options, searchOptions)),
});
