/** VTP: gates of real values train beside the weights under an L1 penalty, and the smallest go (Zhu, Tang and Han 2021). */
import { UsageError } from "../../errors.js";
import type { Model, UnitKind } from "../../nn/index.js";
import { cosineRate } from "../../train/index.js";
import { foldGates } from "../compact/fold-gates.js";
import { applyKept, countUnits } from "../masks/apply-kept.js";
import { checkSparsity } from "../schedule.js";
import { partOf } from "../select-counts.js";
import { type UnitSpace, unitSpace } from "../units.js";
import { maskIdleValues } from "./idle-values.js";
import { checkMultiple } from "./multiples.js";
import type { Search, SearchMethod, SearchOptions, SearchResult } from "./search.js";
import { type L1Penalty, TrainedGates } from "./trained-gates.js";
import { type BlockParameters, blockParameters } from "./vtp-parameters.js";
import { type GateRow, type KeptCounts, leastCounts, publishedGates, removeGates } from "./vtp-selection.js";
import { headsAt, requireWholeHeads } from "./whole-heads.js";

/** Units behind the four gates of a block: channels that qkv, the projection and fc1 read, and neurons. */
const KINDS: readonly UnitKind[] = ["attn.in", "attn.out", "mlp.in", "neuron"];

/** What is VTP's own. */
export interface VtpOptions {
  /**
   * Factor of the sum of |gate| in the objective. Default: 1e-4 with subgradients, as published; with proximal steps half of one over the sum of the gates'
   * learning rates, by which a gate that nothing holds up ends at one half.
   */
  readonly penalty?: number;
  /** How the penalty acts. Default: proximal; under `reference` subgradient. */
  readonly step?: L1Penalty["step"];
  /** Highest learning rate of the gates; its cosine ends at zero. Default 0.02; under `reference` that of the weights. */
  readonly gateLearningRate?: number;
  /** What `sparsity` is a part of: all gates (default, as published), or the parameters of the blocks. */
  readonly amount?: "gates" | "parameters";
  /** Channels of attention's output: each head keeps its own largest, as many as the ranking over all gates leaves it (own, default) or the same number (equal). */
  readonly heads?: "own" | "equal";
  /** Each place keeps a multiple of so many gates, the nearest to what the ranking leaves it, or all: 8 or 16 suit most devices. Default 1. */
  readonly multipleOf?: number;
}

const PUBLISHED_PENALTY = 1e-4;

interface Settings extends Required<VtpOptions>, Pick<SearchOptions, "sparsity" | "reference"> {
  /** Learning rate of the gates by step. */
  readonly rateAt: (step: number) => number;
}

/** @throws UsageError for options out of range. */
function settingsOf(own: VtpOptions, { sparsity, reference, totalSteps, learningRate }: SearchOptions): Settings {
  const { step = reference ? "subgradient" : "proximal", amount = "gates", heads = "own", multipleOf = 1 } = own;
  const { gateLearningRate = reference ? learningRate : 0.02 } = own;
  checkSparsity(sparsity, 1);
  checkMultiple(multipleOf);
  if (!(gateLearningRate > 0)) {
    throw new UsageError(`gateLearningRate: expected more than 0, got ${gateLearningRate}; correct it`);
  }
  const schedule = { peak: gateLearningRate, final: 0, warmupSteps: 0, totalSteps };
  const rateAt = (step: number) => cosineRate(schedule, step);
  const rates = Array.from({ length: totalSteps }, (_, step) => rateAt(step));
  const { penalty = step === "proximal" ? 0.5 / rates.reduce((sum, rate) => sum + rate, 0) : PUBLISHED_PENALTY } = own;
  if (!(penalty >= 0)) throw new UsageError(`penalty: expected 0 or more, got ${penalty}; correct it`);
  return { sparsity, reference, step, amount, heads, multipleOf, gateLearningRate, penalty, rateAt };
}

/** Gates of attention's output in runs of a head, where heads are to keep the same number. */
function headsOf(model: Model, place: string, { heads, reference }: Settings): number {
  return place.endsWith("attn.out") && (reference || heads === "equal") ? headsAt(model, place) : 1;
}

/** Gates in all, and of them those that stay. */
function gateCount(all: KeptCounts): BlockParameters {
  const left = (kept: KeptCounts) => [...kept.values()].reduce((sum, count) => sum + count, 0);
  return { total: left(all), left };
}

class VtpSearch implements Search {
  readonly #space: UnitSpace;
  readonly #gates: TrainedGates;

  constructor(
    private readonly model: Model,
    private readonly settings: Settings,
  ) {
    const { architecture } = model.config;
    if (architecture !== "vit") {
      throw new UsageError(`vtp: expected a ViT, got "${architecture}"; use a method for its layers`);
    }
    requireWholeHeads("vtp", model);
    this.#space = unitSpace(model, KINDS);
    this.#checkAmount();
    const places = this.#space.groups.map(({ name }) => name);
    this.#gates = new TrainedGates(model, places, { factor: settings.penalty, step: settings.step });
  }

  /** @throws UsageError when what every place keeps at least is more than may stay. */
  #checkAmount(): void {
    const { sparsity, reference } = this.settings;
    const rows = this.#rows(this.#space.groups.map(({ name, units }) => [name, new Float32Array(units)]));
    if (reference || this.#enough(rows)(leastCounts(rows))) return;
    throw new UsageError(
      `sparsity: expected a part that leaves every place its last gates, got ${sparsity}; lower it or keep smaller multiples`,
    );
  }

  #rows(values: Iterable<readonly [string, Float32Array]>): GateRow[] {
    const { model, settings } = this;
    return Array.from(values, ([name, of]) => {
      return { name, values: of, runs: headsOf(model, name, settings), multiple: settings.multipleOf };
    });
  }

  get learned(): Search["learned"] {
    return new Map(this.#gates.tensors);
  }

  readonly onGradients: Search["onGradients"] = (gradients) => this.#gates.update(gradients);

  readonly beforeStep = (step: number): void => this.#gates.prepare(step, this.settings.rateAt(step));

  readonly finish = async (): Promise<SearchResult> => {
    const { model, settings } = this;
    const rows = this.#rows(await this.#gates.read());
    const kept = settings.reference ? publishedGates(rows, settings.sparsity) : removeGates(rows, this.#enough(rows));
    const { total, left } = this.#amount(rows);
    const removed = 1 - left(new Map(Array.from(kept, ([name, bits]) => [name, countUnits(bits)]))) / total;
    this.#gates.write(new Map(rows.map(({ name, values }) => [name, values.map((v, i) => v * kept.get(name)![i])])));
    await foldGates(model);
    applyKept(model, this.#space, kept);
    const scores = new Map(
      rows.map(({ name, values }) => [name, { shape: [values.length], data: values.map(Math.abs) }]),
    );
    return { space: this.#space, masks: await maskIdleValues(model, kept), kept, removed, scores };
  };

  /** What `sparsity` is a part of: in all, and left with the gates that stay. */
  #amount(rows: readonly GateRow[]): BlockParameters {
    const all: KeptCounts = new Map(rows.map(({ name, values }) => [name, values.length]));
    return this.settings.amount === "gates" ? gateCount(all) : blockParameters(this.model, all);
  }

  /** Whether as much is gone as is wanted. */
  #enough(rows: readonly GateRow[]): (kept: KeptCounts) => boolean {
    const { total, left } = this.#amount(rows);
    const most = total - partOf(total, this.settings.sparsity);
    return (kept) => left(kept) <= most;
  }

  [Symbol.dispose](): void {
    this.#gates[Symbol.dispose]();
  }
}

/** VTP with options of its own; see docs/methods/vtp.md. */
export const vtp = (options: VtpOptions = {}): SearchMethod => ({
  name: "vtp",
  formula: "|gate|, trained with the weights under an L1 penalty",
  start: (model, searchOptions) => new VtpSearch(model, settingsOf(options, searchOptions)),
});
