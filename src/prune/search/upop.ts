/** UPop: unified and progressive pruning (Shi et al., ICML 2023) of a ViT's head dimensions and neurons. */
import { UsageError } from "../../errors.js";
import type { Model } from "../../nn/index.js";
import { Tensor } from "../../tensor/index.js";
import { applyKept, countUnits } from "../masks/apply-kept.js";
import { readMasks } from "../masks/masks.js";
import { type PlacedGroup, type UnitSpace, unitSpace } from "../units.js";
import { checkMultiple, unitsOfMultiple } from "./multiples.js";
import type { Search, SearchMethod, SearchOptions, SearchResult } from "./search.js";
import { checkSettings, PUBLISHED_INTERVAL, type UPopGates, UPopSearch } from "./upop-gates.js";
import { headsAt, requireWholeHeads } from "./whole-heads.js";

/** What is UPop's own. The defaults are those of the authors for DeiT. */
export interface UPopOptions {
  /** Steps between updates of the gates. Default: 100, or a twentieth of a search of less than 2,000 steps; under `reference` 100. */
  readonly interval?: number;
  /** Factor of the sum of magnitudes of the attention's gates in the objective. Default 4.8e-3. */
  readonly attentionPenalty?: number;
  /** The same for those of the MLPs. Default 2e-4. */
  readonly mlpPenalty?: number;
  /** Widths of products are a multiple of so many, the nearest to what the ranking leaves: neurons, and head dimensions times heads. Default 1. */
  readonly multipleOf?: number;
}

type Kind = "attn" | "mlp";

/** What a head dimension costs where a neuron costs 1, in the authors' code for DeiT: 9234 / 769 of DeiT-S, cut to an integer. */
const REFERENCE_COST: Record<Kind, number> = { attn: 12, mlp: 1 };

/** UPop with options of its own; see docs/methods/upop.md. @throws UsageError for a penalty that is negative or no number, and a multiple that is no count. */
export function upop(options: UPopOptions = {}): SearchMethod {
  const { interval, attentionPenalty = 4.8e-3, mlpPenalty = 2e-4, multipleOf = 1 } = options;
  const penalties: Record<Kind, number> = { attn: attentionPenalty, mlp: mlpPenalty };
  for (const penalty of Object.values(penalties)) {
    if (penalty >= 0 && Number.isFinite(penalty)) continue;
    throw new UsageError(`upop: expected penalties of 0 or more, got ${penalty}; correct it`);
  }
  checkMultiple(multipleOf);
  return {
    name: "upop",
    formula: "minus the accumulated gradient of a gate, standardised over its kind",
    start: (model, options) => new GatedViT(model, options, penalties, { interval, multipleOf }),
  };
}

const kindOf = ({ name }: PlacedGroup): Kind => (name.endsWith(".neuron") ? "mlp" : "attn");

/** Gates of neurons sit before the activation; those of a head's dimensions are shared by q, k, v and all heads of a block. */
const placeOf = ({ name }: PlacedGroup): string => name.replace(/\.neuron$/, ".hidden");

/** Heads that share the gates of a group; neurons are in no head. */
const headsOf = (model: Model, group: PlacedGroup): number =>
  kindOf(group) === "mlp" ? 1 : headsAt(model, group.name);

/** @throws UsageError where all places would keep all of their units. */
function requireChoice(multiples: ReadonlyMap<PlacedGroup, number>, multipleOf: number): void {
  if (Array.from(multiples).some(([{ units }, multiple]) => multiple < units)) return;
  throw new UsageError(
    `multipleOf: expected one that leaves a block less than all of its units, got ${multipleOf}; keep smaller multiples`,
  );
}

/** A ViT with a gate of ones on every head dimension and neuron. */
class GatedViT implements Search {
  readonly #space: UnitSpace;
  readonly #costs: ReadonlyMap<string, number>;
  /** By place. */
  readonly #gates: ReadonlyMap<string, Tensor>;
  readonly #search: UPopSearch;
  readonly #sparsity: number;

  constructor(
    private readonly model: Model,
    { sparsity, totalSteps, reference = false }: SearchOptions,
    penalties: Record<Kind, number>,
    { interval, multipleOf }: { interval: number | undefined; multipleOf: number },
  ) {
    const settings = { sparsity, totalSteps, interval: interval ?? (reference ? PUBLISHED_INTERVAL : undefined) };
    checkSettings(settings);
    this.#sparsity = sparsity;
    requireWholeHeads("upop", model);
    this.#space = unitSpace(model, ["headDim", "neuron"]);
    const multiples = new Map(
      this.#space.groups.map((group) => [group, unitsOfMultiple(multipleOf, headsOf(model, group))]),
    );
    requireChoice(multiples, multipleOf);
    this.#gates = placeGates(model, this.#space);
    const costOf = (group: PlacedGroup) => (reference ? REFERENCE_COST[kindOf(group)] : group.cost.parameters);
    this.#costs = new Map(this.#space.groups.map((group) => [group.name, costOf(group)]));
    const gates = this.#space.groups.map((group): UPopGates => {
      const kind = kindOf(group);
      const cost = costOf(group);
      const values = this.#gates.get(placeOf(group))!;
      return { key: group.name, kind, cost, penalty: penalties[kind], values, multiple: multiples.get(group) };
    });
    this.#search = new UPopSearch(gates, settings);
  }

  get learned(): Search["learned"] {
    return new Map(this.#search.tensors);
  }

  readonly objective: Search["objective"] = ({ loss }) => this.#search.objective(loss);

  readonly onGradients: Search["onGradients"] = (gradients) => this.#search.accumulate(gradients);

  readonly afterStep = (step: number): Promise<void> => this.#search.afterStep(step);

  /** The gates are 0 and 1 by now, so masks need no folding beside them. Ranked anew, as a search may be resumed after its last step. */
  readonly finish = async (): Promise<SearchResult> => {
    const { kept, standardised } = await this.#search.rank(this.#sparsity);
    this.#takeAway();
    applyKept(this.model, this.#space, kept);
    const scores = Array.from(
      standardised,
      ([name, values]) =>
        [name, { shape: [values.length], data: Float32Array.from(values, (value) => -value) }] as const,
    );
    const masks = await readMasks(this.model);
    return { space: this.#space, masks, kept, removed: this.#removed(kept), scores: new Map(scores) };
  };

  /** Part of the summed cost that is gone. */
  #removed(kept: SearchResult["kept"]): number {
    let [total, left] = [0, 0];
    for (const [name, bits] of kept) {
      const cost = this.#costs.get(name)!;
      total += cost * bits.length;
      left += cost * countUnits(bits);
    }
    return 1 - left / total;
  }

  #takeAway(): void {
    const { gates } = this.model;
    for (const [place, values] of this.#gates) if (gates.get(place) === values) gates.set(place, undefined);
  }

  [Symbol.dispose](): void {
    this.#takeAway();
    for (const values of this.#gates.values()) values.gpu.release(values);
    this.#search[Symbol.dispose]();
  }
}

/** @throws UsageError, before anything is placed, for a model without such places or with gates there. */
function placeGates({ gpu, gates }: Model, { groups }: UnitSpace): Map<string, Tensor> {
  for (const place of groups.map(placeOf)) {
    if (gates.places.has(place) && !gates.get(place)) continue;
    const got = gates.get(place) ? "one with a gate" : "a model without it";
    throw new UsageError(`upop: expected the free place ${place} for gates, got ${got}; search a ViT without gates`);
  }
  return new Map(
    groups.map((group) => {
      const values = Tensor.from(gpu, new Float32Array(group.units).fill(1));
      gates.set(placeOf(group), values);
      return [placeOf(group), values];
    }),
  );
}
