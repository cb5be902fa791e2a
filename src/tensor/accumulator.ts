/** What the sweeps over a graph add up. */
import { ShapeError } from "../errors.js";
import type { GpuBuffer } from "../gpu/index.js";
import { add } from "../kernels/add.js";
import type { Inputs } from "./tape.js";
import { Tensor } from "./tensor.js";

/** Sums gradients (or tangents) by tensor, and gives each back to the pool when the last tensor that uses it is done. */
export class Accumulator {
  readonly #sums = new Map<Tensor, Tensor>();
  readonly #uses = new Map<GpuBuffer, number>();

  add(target: Tensor, gradient: Tensor): void {
    if (gradient.size !== target.size) {
      const name = target.node?.name ?? "a leaf";
      throw new ShapeError(
        `backward: expected a gradient of shape [${target.shape}] for ${name}, got [${gradient.shape}]`,
      );
    }
    this.#use(gradient.buffer, 1);
    const previous = this.#sums.get(target);
    if (!previous) {
      this.#sums.set(target, gradient);
      return;
    }
    const sum = Tensor.empty(target.gpu, target.shape);
    add(target.gpu, { a: previous, b: gradient, y: sum }, { length: sum.size });
    this.#use(sum.buffer, 1);
    this.#sums.set(target, sum);
    this.#release(previous);
    this.#release(gradient);
  }

  /** Adds what an operation gives to those of its inputs that ask for it. */
  addAll(inputs: Inputs, parts: Inputs): void {
    for (const [name, part] of Object.entries(parts)) {
      const input = inputs[name];
      if (part && input?.tracked) this.add(input, part);
    }
  }

  get(target: Tensor): Tensor | undefined {
    return this.#sums.get(target);
  }

  take(target: Tensor): Tensor | undefined {
    const sum = this.#sums.get(target);
    this.#sums.delete(target);
    return sum;
  }

  #use(buffer: GpuBuffer, change: number): number {
    const count = (this.#uses.get(buffer) ?? 0) + change;
    this.#uses.set(buffer, count);
    return count;
  }

  #release(gradient: Tensor): void {
    if (this.#use(gradient.buffer, -1) === 0) gradient.gpu.release(gradient);
  }

  /** Called when a node has handed its gradient on. */
  done(gradient: Tensor): void {
    this.#release(gradient);
  }
}
