/** WDPruning: width pruning by learned scores and thresholds under a budget of parameters (Yu et al., AAAI 2022). */
import { UsageError } from "../../errors.js";
import type { ParameterBudget } from "../../kernels/index.js";
import type { Model } from "../../nn/index.js";
import { add, parameterBudget } from "../../tensor/index.js";
import { ADAMW_DEFAULTS, cosineRate } from "../../train/index.js";
import { applyKept } from "../masks/apply-kept.js";
import { readMasks } from "../masks/masks.js";
import { byGroup, type UnitSpace } from "../units.js";
import { LearnedValues } from "./learned-values.js";
import { RankedGates, type RankedPlace } from "./ranked-gates.js";
import type { Search, SearchMethod, SearchResult } from "./search.js";
import { type ModelBranch, modelBranches } from "./wdpruning-branches.js";
import { branchBudget, publishedBudget } from "./wdpruning-budget.js";
import { fitBudget, keptParameters, keptUnits, type LearnedBranch } from "./wdpruning-selection.js";
import { FINAL_RATE, type WDPruningOptions, type WDPruningSettings, wdpruningSettings } from "./wdpruning-settings.js";

class WDPruningSearch implements Search {
  readonly #space: UnitSpace;
  readonly #branches: readonly ModelBranch[];
  readonly #budget: ParameterBudget;
  /** Parameters of the blocks in all, and of those that units and rows have. */
  readonly #parameters: { readonly all: number; readonly ranked: number };
  /** What may stay of the latter. */
  readonly #most: number;
  readonly #gates: RankedGates;
  /** Factors of the excess over the budget, and of its square. */
  readonly #lambdas: LearnedValues;

  constructor(
    private readonly model: Model,
    private readonly settings: WDPruningSettings,
  ) {
    const { sparsity, reference, initialThreshold } = settings;
    const { space, branches } = modelBranches(model);
    this.#space = space;
    this.#branches = branches;
    const depth = branches.length / 2;
    this.#budget = reference ? publishedBudget(depth, 1 - sparsity) : branchBudget(branches, 1 - sparsity);
    const all = [...model.parameters].reduce((sum, p) => (p.name.startsWith("blocks.") ? sum + p.size : sum), 0);
    this.#parameters = { all, ranked: this.#keptBy(Number.POSITIVE_INFINITY) };
    this.#most = this.#mostParameters();
    const scoreDecay = reference ? ADAMW_DEFAULTS.weightDecay : 0;
    const { highestThreshold } = settings;
    this.#gates = new RankedGates(model, branches.flatMap(this.#places), {
      initialThreshold,
      highestThreshold,
      scoreDecay,
    });
    this.#lambdas = new LearnedValues(model.gpu, new Float32Array(2));
  }

  /** Sixteen heads would all stay or all but none go: only the authors' code rounds their number. */
  readonly #places = ({ unitGroup, unitPlace, rowGroup }: ModelBranch): RankedPlace[] => {
    const { roundTo, reference } = this.settings;
    const heads = unitPlace.endsWith("attn.qkvHead");
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

  /** Parameters that one threshold for every place keeps. */
  #keptBy(threshold: number): number {
    const thresholds = new Float32Array(2 * this.#branches.length).fill(threshold);
    return keptParameters(this.#learned(new Float32Array(this.#space.count), thresholds));
  }

  /** @throws UsageError when what every place keeps at least is more than that. */
  #mostParameters(): number {
    const { sparsity, roundTo } = this.settings;
    const { all, ranked } = this.#parameters;
    const fewest = this.#keptBy(Number.NEGATIVE_INFINITY);
    const most = ranked - sparsity * all;
    if (fewest <= most) return most;
    const highest = (ranked - fewest) / all;
    throw new UsageError(
      `sparsity: expected at most ${highest.toFixed(3)}, as every layer keeps a unit or ${roundTo} rows, got ${sparsity}; lower it or keep smaller multiples`,
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

  get learned(): Search["learned"] {
    return new Map([...this.#gates.tensors, ...this.#lambdas.tensors("lambdas")]);
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
    this.#gates.thresholds.rate.prepare(step, thresholds);
    // The authors' code leaves the scores among the weights, by a slip in a name.
    this.#gates.scores.rate.prepare(step, reference ? cosineRate({ ...cosine, peak: learningRate }, step) : thresholds);
    this.#lambdas.rate.prepare(step, -cosineRate({ ...cosine, peak: lambdaLearningRate }, step));
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
    const { all, ranked } = this.#parameters;
    const removed = (ranked - keptParameters(branches)) / all;
    return { space: this.#space, masks: await readMasks(this.model), kept, removed, scores: byName };
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
  start: (model, searchOptions) => {
    const exits = model.config.architecture === "vit" && model.config.exits !== undefined;
    return new WDPruningSearch(model, wdpruningSettings(options, searchOptions, exits));
  },
});
