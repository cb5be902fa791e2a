/** From scores to keep bits: exact, on the device, without reading scores back. */
import type { Gpu } from "../gpu/index.js";
import { maskByteLength } from "../kernels/mask.js";
import { demotePruned as demote } from "../kernels/pin-scores.js";
import { selectSmallest } from "../kernels/select.js";
import { Tensor } from "../tensor/index.js";
import { prunedCount } from "./schedule.js";
import type { UnitSpace } from "./units.js";

/** Names of the scopes. */
export const SCOPES = ["global", "layer"] as const;
/** What is ranked together: everything, or each group by itself. */
export type Scope = (typeof SCOPES)[number];

/** What a selection keeps. */
export interface SelectOptions {
  /** What is ranked together. */
  readonly scope: Scope;
  /** Part of all units to keep, pruned ones included. */
  readonly density: number;
  /** The authors' rule: everything up to the k-th score goes, ties included. Default: exactly k, ties from the lowest index. */
  readonly reference: boolean;
}

/** What a selection did, by ranked range: the k-th smallest score (NaN where none was pruned) and the number of units pruned. */
export interface Selection {
  readonly threshold: number;
  readonly pruned: number;
}

const WORDS_PER_RESULT = 64; // results lie 256 bytes apart, as far as bindings must

/** Selects the units to keep by score, on the device. */
export class Selector {
  /** One bit a unit, 1 = keep. */
  readonly keep: Tensor;
  readonly #results: Tensor;
  readonly #ranges: readonly { readonly offset: number; readonly count: number }[];

  constructor(
    private readonly gpu: Gpu,
    space: UnitSpace,
    private readonly options: Omit<SelectOptions, "density">,
  ) {
    this.keep = Tensor.empty(gpu, [maskByteLength(space.count) / 4], "u32");
    this.#ranges =
      options.scope === "global"
        ? [{ offset: 0, count: space.count }]
        : space.groups.map(({ offset, units }) => ({ offset, count: units }));
    this.#results = Tensor.zeros(gpu, [this.#ranges.length * WORDS_PER_RESULT], "u32");
  }

  /** Writes `keep` for the given scores, one for each unit. */
  select(scores: Tensor, density: number): void {
    const { reference } = this.options;
    const { buffer } = this.#results;
    this.#ranges.forEach(({ offset, count }, index) => {
      const threshold = this.gpu.borrow(buffer.raw, buffer.byteOffset + index * WORDS_PER_RESULT * 4, 8);
      const prune = prunedCount(count, density, reference);
      const ties = reference ? "less-or-equal" : "lowest-index";
      selectSmallest(this.gpu, { scores, keep: this.keep, threshold }, { offset, count, prune, ties });
    });
  }

  /** What the last selection did, range by range. */
  async read(): Promise<Selection[]> {
    const words = await this.#results.readWords();
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    return this.#ranges.map((_, index) => {
      const pruned = words[index * WORDS_PER_RESULT + 1];
      return { threshold: pruned > 0 ? floats[index * WORDS_PER_RESULT] : Number.NaN, pruned };
    });
  }

  release(): void {
    this.gpu.release(this.keep);
    this.gpu.release(this.#results);
  }
}

/** Puts units that `keep` has removed below all others, so that what is pruned stays pruned. */
export function demotePruned(gpu: Gpu, scores: Tensor, keep: Tensor): void {
  demote(gpu, { scores, keep }, { length: scores.size });
}
