/** Weights by name, and the bit masks that lie over them. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { checkAgainst, checkFinite } from "../io/check-weights.js";
import type { ModelConfig } from "../io/config.js";
import { narrowFloat16 } from "../io/float16.js";
import { expectedParameters, isStatistic } from "../io/parameters.js";
import type { FloatTensor } from "../io/safetensors.js";
import { cast, Tensor } from "../tensor/index.js";
import { checkPrecision, isMatrix, type ModelOptions, type Precision } from "./precision.js";

/**
 * Weights by parameter name: of the host, which are uploaded, or tensors on the device, which are used where they lie. The memory of the latter
 * stays their owner's: training writes to it, and nothing here releases or destroys it. A model in f16 rounds matrices into memory of its own, once.
 */
export type ModelWeights = ReadonlyMap<string, FloatTensor | Tensor>;

/** One tensor of a model. The value stays dense; a mask only decides what takes part. */
export class Parameter {
  #mask: Tensor | undefined;
  /** Not so for the running statistics of batch norms, which training passes move: no gradient flows to them, and nothing is pruned there. */
  readonly trainable: boolean;

  constructor(
    readonly name: string,
    readonly value: Tensor,
    /** Whether the value's memory is the model's own. */
    private readonly owned: boolean,
    /** Called when the mask comes, goes or gives way to another. */
    private readonly onStructure: () => void,
    precision: Precision = "f32",
  ) {
    this.trainable = !isStatistic(name);
    value.requiresGradient = this.trainable && precision === "f32";
  }

  /** One bit a value, 1 = keep (u32 words). Bits may be written at any time. */
  get mask(): Tensor | undefined {
    return this.#mask;
  }

  set mask(mask: Tensor | undefined) {
    if (mask !== this.#mask) this.onStructure();
    this.#mask = mask;
  }

  get size(): number {
    return this.value.size;
  }

  /** Gives the memory of the mask back, and of the value unless it is borrowed. */
  release(): void {
    if (this.owned) this.value.gpu.release(this.value);
    this.#mask?.gpu.release(this.#mask);
  }
}

/** A leaf over the tensor's memory; the tensor itself may be part of another graph, and stays as it is. */
function borrow(gpu: Gpu, name: string, tensor: Tensor): Tensor {
  if (tensor.gpu !== gpu || tensor.type !== "f32") {
    const got = tensor.gpu === gpu ? tensor.type : "one of another Gpu";
    throw new ShapeError(`parameter ${name}: expected an f32 tensor of the model's Gpu, got ${got}; borrow it there`);
  }
  return new Tensor(gpu, tensor.buffer, tensor.shape);
}

/** The value on the device, of f16 where the model keeps matrices so, and whether its memory is the model's own. */
function place(gpu: Gpu, name: string, weight: FloatTensor | Tensor, precision: Precision) {
  const rounded = precision === "f16" && isMatrix(name, weight.shape);
  if (weight instanceof Tensor) {
    const borrowed = borrow(gpu, name, weight);
    return { value: rounded ? cast(borrowed, "f16") : borrowed, owned: rounded };
  }
  const data = rounded ? narrowFloat16(weight.data) : weight.data;
  return { value: Tensor.from(gpu, data, weight.shape), owned: true };
}

/** The parameters of a model in the order of its forward pass. */
export class Parameters implements Iterable<Parameter> {
  readonly #byName = new Map<string, Parameter>();
  #structure = 0;

  constructor(
    readonly gpu: Gpu,
    weights: ModelWeights,
    /** Of matrices; what else a model has is f32. */
    readonly precision: Precision = "f32",
  ) {
    checkPrecision(gpu, precision);
    for (const [name, weight] of weights) {
      const { value, owned } = place(gpu, name, weight, precision);
      this.#byName.set(name, new Parameter(name, value, owned, () => this.#structure++, precision));
    }
  }

  /** Grows whenever a parameter's mask comes, goes or gives way to another: what was recorded before is out of date then. */
  get structure(): number {
    return this.#structure;
  }

  /** @throws ShapeError when the model has no parameter of this name. */
  get(name: string): Parameter {
    const parameter = this.#byName.get(name);
    if (!parameter)
      throw new ShapeError(`parameter: expected a name of this model, got "${name}"; see \`secateur info\``);
    return parameter;
  }

  /** Runs `fn` with gradients of some of the trainable parameters only. */
  withGradients<T>(wanted: (parameter: Parameter) => boolean, fn: () => T): T {
    const left = [...this].filter((parameter) => parameter.value.requiresGradient && !wanted(parameter));
    for (const { value } of left) value.requiresGradient = false;
    try {
      return fn();
    } finally {
      for (const { value } of left) value.requiresGradient = true;
    }
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

  /** Copies all values to the host, removed ones included; those of f16 as they were rounded. */
  async read(): Promise<Map<string, FloatTensor>> {
    const weights = new Map<string, FloatTensor>();
    for (const { name, value } of this) weights.set(name, { shape: [...value.shape], data: await value.read() });
    return weights;
  }

  /** Gives the memory back, except of values that are borrowed. */
  release(): void {
    for (const parameter of this) parameter.release();
  }
}

/**
 * The parameters of a config's model.
 *
 * @throws FormatError for a parameter that is missing, unexpected or of a wrong shape, or host values that are not finite; those on the device
 *   are not read. ShapeError for a tensor that is not f32 or of another Gpu. GpuError for f16 on a device without it.
 */
export const modelParameters = (
  gpu: Gpu,
  config: ModelConfig,
  weights: ModelWeights,
  options: ModelOptions = {},
): Parameters => checkedParameters(gpu, expectedParameters(config), weights, options);

/** The same for parameters of these names and shapes, in their order. */
export function checkedParameters(
  gpu: Gpu,
  expected: ReadonlyMap<string, readonly number[]>,
  weights: ModelWeights,
  { precision }: ModelOptions = {},
): Parameters {
  checkAgainst(weights, expected, "model");
  checkFinite(
    [...weights].filter((entry): entry is [string, FloatTensor] => !(entry[1] instanceof Tensor)),
    "model",
  );
  // The order decides that of sums over all parameters, and files have orders of their own.
  return new Parameters(gpu, new Map(Array.from(expected.keys(), (name) => [name, weights.get(name)!])), precision);
}
