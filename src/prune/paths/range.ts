/**
 * Keeps sums over paths in the range of f32. Squared weights (or ones) through dozens of layers without a norm leave it; a power of two on everything
 * that passes a place changes no mantissa, multiplies every later gradient and score by the same factor, and so keeps their order exactly.
 */
import type { Model } from "../../nn/index.js";
import { gate, powerOfTwoOf, type Tensor } from "../../tensor/index.js";

/** Exponents of two that need no scaling; a layer grows them by far less than what f32 has beyond. */
const COMFORTABLE = 20;

/** Powers of two by the places where they were applied. */
export type RangeScales = ReadonlyMap<string, Tensor>;

/** One forward pass that is scaled at the places of its trunk. */
export class RangeScale {
  readonly #trunk: ReadonlySet<string>;
  readonly #scales = new Map<string, Tensor>();
  /** Of the places whose scales are no part of the total yet. */
  readonly #waiting: Tensor[] = [];
  #total: Tensor | undefined;

  /** @param known - scales of another pass, and none where it has none; by default each place takes what the values there need */
  constructor(
    model: Model,
    private readonly known?: RangeScales,
  ) {
    this.#trunk = new Set(model.trunk);
  }

  get scales(): RangeScales {
    return this.#scales;
  }

  /** x in range: all values at a place of the trunk share one power of two. */
  keep(x: Tensor, place: string): Tensor {
    if (!this.#trunk.has(place)) return x;
    // What is kept for later places must not end with the part of the forward pass that runs now.
    const scale = this.known ? this.known.get(place) : x.gpu.unscoped(() => powerOfTwoOf(x, COMFORTABLE));
    if (!scale) return x;
    this.#scales.set(place, scale);
    this.#waiting.push(scale);
    return gate(x, scale, x.size);
  }

  /** What is to be added to scaled values, scaled as they are. */
  added(x: Tensor): Tensor {
    const total = x.gpu.unscoped(() => this.#totalNow());
    return total ? gate(x, total, x.size) : x;
  }

  #totalNow(): Tensor | undefined {
    for (const scale of this.#waiting.splice(0)) this.#total = this.#total ? gate(this.#total, scale, 1) : scale;
    return this.#total;
  }
}
