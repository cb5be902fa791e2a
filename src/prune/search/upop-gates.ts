/** UPop's gates under training: penalties, accumulated gradients, progressive updates. Knows no model: whoever has gates and a loss may search. */
import { UsageError } from "../../errors.js";
import { add, addTerm, type Gradients, map, sum, Tensor } from "../../tensor/index.js";
import { type GateRanking, rankGates } from "./upop-ranking.js";

/** The gates of one place. */
export interface UPopGates {
  readonly key: string;
  /** Gates of one kind, of whichever layer or modality, are standardised together. */
  readonly kind: string;
  /** One factor a gate, ones at first. The search writes them; they are the caller's to release. */
  readonly values: Tensor;
  /** What leaving one gate out saves, such as its parameters. */
  readonly cost: number;
  /** Factor of the sum of magnitudes in the objective. Default 0. */
  readonly penalty?: number;
  /** The place keeps a multiple of so many gates, the nearest to what the ranking leaves it, or all. Default 1. */
  readonly multiple?: number;
}

/** How long a search is, and where it ends. */
export interface UPopSettings {
  /** Part of the summed cost that is gone in the end, in (0, 1). */
  readonly sparsity: number;
  readonly totalSteps: number;
  /** Steps between updates of the gates. Default: 100, or a twentieth of a search of less than 2,000 steps. */
  readonly interval?: number;
}

/** Steps between updates in the authors' searches. */
export const PUBLISHED_INTERVAL = 100;

/** Part of the cost that goes at a step, from 0: p sqrt((1 - cos(pi (step + 1) / total)) / 2). */
export function progressivePart(sparsity: number, step: number, totalSteps: number): number {
  return sparsity * Math.sqrt((1 - Math.cos((Math.PI * (step + 1)) / totalSteps)) / 2);
}

/**
 * A search over gates of any model: `objective` and `accumulate` belong into each training step, and may be recorded with it; `afterStep` follows it.
 * What is to go is ranked anew at each update, and fades with the part that goes: a gate comes back where its gradient falls behind.
 */
export class UPopSearch implements Disposable {
  readonly #totals: ReadonlyMap<string, Tensor>;
  readonly #interval: number;
  #final: GateRanking | undefined;

  /** @throws UsageError for settings out of range. */
  constructor(
    private readonly gates: readonly UPopGates[],
    private readonly settings: UPopSettings,
  ) {
    checkSettings(settings);
    this.#interval = settings.interval ?? Math.min(PUBLISHED_INTERVAL, Math.ceil(settings.totalSteps / 20));
    for (const { values } of gates) values.requiresGradient = true;
    this.#totals = new Map(gates.map(({ key, values }) => [key, Tensor.zeros(values.gpu, values.shape)]));
  }

  /** The loss and the penalties, shape [1]. */
  objective(loss: Tensor): Tensor {
    return this.gates.reduce((total, { values, penalty = 0 }) => {
      if (penalty === 0) return total;
      return add(total, sum(map(`${penalty} * abs(gate)`, { gate: values }, { gate: `${penalty} * sign(gate)` })));
    }, loss);
  }

  /** Adds the gradients of a step to those of all steps before. */
  accumulate(gradients: Gradients): void {
    for (const { key, values } of this.gates) {
      const gradient = gradients.get(values);
      if (gradient) addTerm("g", { g: gradient }, this.#totals.get(key)!);
    }
  }

  /**
   * Updates the gates when it is time: after every `interval` steps but the first step, and after the last.
   * @throws as {@link rankGates} does.
   */
  async afterStep(step: number): Promise<void> {
    const { sparsity, totalSteps } = this.settings;
    const last = step === totalSteps - 1;
    if (!last && (step === 0 || step % this.#interval !== 0)) return;
    const part = progressivePart(sparsity, step, totalSteps);
    const ranking = await this.rank(part);
    for (const { key, values } of this.gates) {
      values.write(Float32Array.from(ranking.kept.get(key)!, (kept) => (kept ? 1 : 1 - part / sparsity)));
    }
    if (last) this.#final = ranking;
  }

  /** What steps change, by name: gates, and what their gradients add up to. */
  get tensors(): [string, Tensor][] {
    return this.gates.flatMap(({ key, values }): [string, Tensor][] => [
      [key, values],
      [`${key}.gradients`, this.#totals.get(key)!],
    ]);
  }

  /** How all gates rank now, when `part` of the cost is to go. */
  async rank(part: number): Promise<GateRanking> {
    const places = [];
    for (const { key, kind, cost, multiple } of this.gates) {
      places.push({ key, kind, cost, multiple, gradients: await this.#totals.get(key)!.read() });
    }
    return rankGates(places, part);
  }

  /** The ranking of the last update, whose gates are 0 and 1. @throws UsageError before the last step. */
  get final(): GateRanking {
    if (this.#final) return this.#final;
    throw new UsageError(
      `upop: expected a search of ${this.settings.totalSteps} steps to its end, got a shorter one; run all steps`,
    );
  }

  /** Gives the memory of the accumulated gradients back. */
  [Symbol.dispose](): void {
    for (const total of this.#totals.values()) total.gpu.release(total);
  }
}

/** @throws UsageError for settings out of range. */
export function checkSettings({ sparsity, totalSteps, interval = 1 }: UPopSettings): void {
  if (!(sparsity > 0 && sparsity < 1)) {
    throw new UsageError(`sparsity: expected the part to remove, above 0 and below 1, got ${sparsity}; correct it`);
  }
  if (!Number.isInteger(interval) || interval < 1) {
    throw new UsageError(`interval: expected a whole number of steps, 1 or more, got ${interval}; correct it`);
  }
  if (!Number.isInteger(totalSteps) || totalSteps < 2) {
    throw new UsageError(`upop: expected a search of 2 steps or more, got ${totalSteps}; train longer`);
  }
}
