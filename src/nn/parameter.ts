/** Weights by name, and the bit masks that lie over them. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { FloatTensor } from "../io/safetensors.js";
import { Tensor } from "../tensor/index.js";

/** One trainable tensor. The value stays dense; a mask only decides what takes part. */
export class Parameter {
  /** One bit a value, 1 = keep (u32 words). */
  mask: Tensor | undefined;

  constructor(
    readonly name: string,
    readonly value: Tensor,
  ) {}

  get size(): number {
    return this.value.size;
  }
}

/** The parameters of a model in the order of its forward pass. */
export class Parameters implements Iterable<Parameter> {
  readonly #byName = new Map<string, Parameter>();

  constructor(
    readonly gpu: Gpu,
    weights: ReadonlyMap<string, FloatTensor>,
  ) {
    for (const [name, { shape, data }] of weights) {
      const value = Tensor.from(gpu, data, shape.length === 0 ? [1] : shape);
      value.requiresGradient = true;
      this.#byName.set(name, new Parameter(name, value));
    }
  }

  /** @throws ShapeError when the model has no parameter of this name. */
  get(name: string): Parameter {
    const parameter = this.#byName.get(name);
    if (!parameter)
      throw new ShapeError(`parameter: expected a name of this model, got "${name}"; see \`secateur info\``);
    return parameter;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  [Symbol.iterator](): IterableIterator<Parameter> {
    return this.#byName.values();
  }

  /** Number of values. */
  get count(): number {
    let count = 0;
    for (const { size } of this) count += size;
    return count;
  }

  /** Copies all values to the host, removed ones included. */
  async read(): Promise<Map<string, FloatTensor>> {
    const weights = new Map<string, FloatTensor>();
    for (const { name, value } of this) weights.set(name, { shape: [...value.shape], data: await value.read() });
    return weights;
  }

  /** Gives the memory back. */
  release(): void {
    for (const { value, mask } of this) {
      value.gpu.release(value);
      if (mask) mask.gpu.release(mask);
    }
  }
}
