/** Weights to go back to, by name: kept on the device, and part of a saved state. */
import { UsageError } from "../errors.js";
import type { FloatTensor } from "../io/safetensors.js";
import type { Model } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import { captureWeights, WeightSnapshot } from "./weights.js";

/** The weights as they were before a run. */
export const DENSE = "dense";

/** Snapshots of one model's weights. */
export class WeightStore {
  readonly #snapshots = new Map<string, WeightSnapshot>();

  constructor(private readonly model: Model) {}

  get names(): readonly string[] {
    return [...this.#snapshots.keys()];
  }

  /** Keeps the weights as they are now, in place of those of the same name. */
  keep(name: string): void {
    if (name.includes("/"))
      throw new UsageError(`keepWeights: expected a name without slashes, got "${name}"; rename it`);
    this.#snapshots.get(name)?.release();
    this.#snapshots.set(name, captureWeights(this.model));
  }

  /** Gives the model these weights; its masks stay. @throws UsageError for a name that was not kept. */
  rewind(name: string): void {
    const snapshot = this.#snapshots.get(name);
    if (!snapshot) {
      throw new UsageError(
        `rewind: expected weights that were kept (${this.names.join(", ")}), got "${name}"; keep them first`,
      );
    }
    snapshot.restore();
  }

  /** Forgets all but these. */
  keepOnly(names: readonly string[]): void {
    for (const [name, snapshot] of this.#snapshots) {
      if (names.includes(name)) continue;
      snapshot.release();
      this.#snapshots.delete(name);
    }
  }

  /** Copies all to the host but the dense weights, which every run has. */
  async read(): Promise<Map<string, Map<string, FloatTensor>>> {
    const kept = new Map<string, Map<string, FloatTensor>>();
    for (const [name, snapshot] of this.#snapshots) if (name !== DENSE) kept.set(name, await snapshot.read());
    return kept;
  }

  /** Takes up what `read` gave. */
  add(kept: ReadonlyMap<string, ReadonlyMap<string, FloatTensor>>): void {
    for (const [name, weights] of kept) {
      const values = Array.from(
        weights,
        ([parameter, { shape, data }]) => [parameter, Tensor.from(this.model.gpu, data, shape)] as const,
      );
      this.#snapshots.set(name, new WeightSnapshot(this.model, new Map(values)));
    }
  }

  release(): void {
    this.keepOnly([]);
  }
}
