/** What makes a forward pass a training pass: random draws for dropout and drop path. */
import { dropout, type Tensor } from "../tensor/index.js";

/** Passed to `forward` to make it a training pass: dropout and drop path then draw from its state. */
export class TrainingPass {
  #stream = 0;

  /** @param state - u32 [seed, step] on the device; write a new step to get new draws from a recorded pass. */
  constructor(readonly state: Tensor) {}

  /** Inverted dropout of single elements with the given rate. */
  dropout(x: Tensor, rate: number): Tensor {
    return this.#drop(x, rate, 1);
  }

  /** Drops whole examples of a residual branch (stochastic depth). x: [batch, ...] */
  dropPath(x: Tensor, rate: number): Tensor {
    return this.#drop(x, rate, x.size / x.shape[0]);
  }

  #drop(x: Tensor, rate: number, inner: number): Tensor {
    // Only what draws counts: a branch without a rate comes here or not, as it is fused or gated.
    return rate > 0 ? dropout(x, { keep: 1 - rate, inner, state: this.state, stream: this.#stream++ }) : x;
  }
}
