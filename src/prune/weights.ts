/** Weights that can be gone back to while masks stay: lottery tickets and iterative magnitude pruning rewind to the start or to an early step. */
import { UsageError } from "../errors.js";
import type { FloatTensor } from "../io/safetensors.js";
import type { Model } from "../nn/model.js";
import { Tensor } from "../tensor/index.js";

/** A copy of all weights of a model, on its device. It lives until `release`, or until the end of the scope that was open when it was made. */
export class WeightSnapshot implements Disposable {
  /** @param values - by parameter name, owned by the snapshot */
  constructor(
    private readonly model: Model,
    readonly values: ReadonlyMap<string, Tensor>,
  ) {}

  /** Puts the weights back into the model that they came from. Its masks stay. */
  restore(): void {
    rewind(this.model, this);
  }

  /** Copies the weights to the host. */
  async read(): Promise<Map<string, FloatTensor>> {
    const weights = new Map<string, FloatTensor>();
    for (const [name, value] of this.values) weights.set(name, { shape: [...value.shape], data: await value.read() });
    return weights;
  }

  /** Gives the memory back. */
  release(): void {
    for (const value of this.values.values()) this.model.gpu.release(value);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Copies a model's weights on its device, removed ones included; nothing is read back. */
export function captureWeights(model: Model): WeightSnapshot {
  const { gpu, parameters } = model;
  const values = new Map<string, Tensor>();
  for (const { name, value } of parameters) {
    const copy = Tensor.empty(gpu, value.shape);
    gpu.copy(value.buffer, copy.buffer, value.size * 4);
    values.set(name, copy);
  }
  return new WeightSnapshot(model, values);
}

/**
 * Gives every parameter of a model the value it has in `weights`, and leaves masks and gates as they are. Moments of an optimizer belong to the
 * weights that were left: train on with a new one.
 *
 * @param weights - a snapshot of this model or of one like it on the same device, or weights of the host
 * @throws UsageError for a parameter that has no value of its shape there, or one that the model lacks; nothing is changed then.
 */
export function rewind(model: Model, weights: WeightSnapshot | ReadonlyMap<string, FloatTensor>): void {
  const { gpu, parameters } = model;
  const values: ReadonlyMap<string, FloatTensor | Tensor> =
    weights instanceof WeightSnapshot ? weights.values : weights;
  for (const { name, value } of parameters) {
    const got = values.get(name)?.shape;
    if (got?.join() === value.shape.join()) continue;
    throw new UsageError(
      `rewind: expected ${name} of shape [${value.shape}], got ${got ? `[${got}]` : "none"}; use weights of this model`,
    );
  }
  for (const name of values.keys()) {
    if (!parameters.has(name))
      throw new UsageError(`rewind: expected parameters of this model, got ${name}; use weights of this model`);
  }
  for (const { name, value } of parameters) {
    const source = values.get(name)!;
    if (source instanceof Tensor) gpu.copy(source.buffer, value.buffer, value.size * 4);
    else value.write(source.data);
  }
}
