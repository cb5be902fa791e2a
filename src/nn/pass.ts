/** One forward pass: where a model's layers find their weights, masks and gates, what makes it a training pass, and who looks on. */
import { BATCH_NORM_EPSILON } from "../io/convnet-layout.js";
import {
  type ActivationKind,
  type AttentionAttributes,
  activatedLinear,
  activation,
  add,
  applyBits,
  attention,
  batchNorm,
  type ColumnMap,
  cast,
  conv2d,
  type FloatStorage,
  gate,
  type LinearAttributes,
  type LinearInputs,
  layerNorm,
  linear,
  map,
  reshape,
  Tensor,
  type WeightAs,
} from "../tensor/index.js";
import type { Gates } from "./gates.js";
import type { Parameter, Parameters } from "./parameter.js";
import { type ConvWindow, patchRows } from "./patch-rows.js";
import type { TrainingPass } from "./training.js";

/**
 * Sees activations as they are computed. The memory of a convolution's rows, and of all of them where no gradient is wanted, is reused after the
 * call, so work with them at once.
 */
export interface Observer {
  /** Input [..., in] and output [..., out] of a layer with weights, such as "blocks.0.mlp.fc1"; a convolution's are its patches and its pixels as rows. */
  readonly layer?: (name: string, input: Tensor, output: Tensor) => void;
  /** The activation at a gate's place, such as "blocks.0.mlp.neuron", after its gate if there is one. */
  readonly site?: (key: string, activation: Tensor) => void;
}

/** A layer's weight as its squares or ones, which the layer computes as it reads the tensor. Gradients of the tensor are by the squares. */
export interface WeightView {
  readonly tensor: Tensor;
  readonly as: WeightAs;
}

/** What may take the place of a parameter: a tensor of its shape, a view of one for weights of layers, or nothing for their biases. */
export type Substitute = Tensor | WeightView | "absent";

/** What may be asked of a forward pass. */
export interface ForwardOptions {
  /** Makes it a training pass. */
  readonly training?: TrainingPass;
  readonly observer?: Observer;
  /**
   * What takes the place of a parameter's value, such as a tensor with |w|, or `{ tensor: value, as: "square" }`. Masks lie over it as over the value.
   */
  readonly weights?: (parameter: Parameter) => Substitute;
  /** What takes the place of an activation function at a place such as "blocks.0.mlp.neuron"; undefined leaves it as it is. */
  readonly activation?: (x: Tensor, place: string, kind: ActivationKind) => Tensor | undefined;
  /** What takes the place of a layer or batch norm of x; `weight` takes part as its `prefix.weight`. undefined leaves it as it is. */
  readonly norm?: (x: Tensor, prefix: string, weight: Tensor) => Tensor | undefined;
  /** What takes the place of attention over qkv [batch, tokens, 3 * heads * headDim] at a place such as "blocks.0.attn"; undefined leaves it. */
  readonly attention?: (
    qkv: Tensor,
    attributes: AttentionAttributes,
    place: string,
    keyGate: Tensor | undefined,
  ) => Tensor | undefined;
  /** What takes the place of the sum of a residual branch and what goes around it; undefined leaves it as it is. */
  readonly residual?: (x: Tensor, branch: Tensor) => Tensor | undefined;
  /** Gradients also for removed weights of matrices, as criteria want that may revive them. */
  readonly denseGradients?: boolean;
  /**
   * What batch norms normalise by: their running statistics, or those of the batch, which leave the running ones as they are. Default: the running
   * ones; in training passes those of the batch, towards which the running ones move.
   */
  readonly batchNorm?: "running" | "batch";
}

/** What layer norms of a model have in common. */
export interface NormSettings {
  readonly normEps: number;
  /** Channels over which mean and variance run. */
  readonly normWidth?: number;
}

/** Layers as functions of named parameters; a mask on a parameter is applied where the parameter is used. */
export class Pass {
  constructor(
    private readonly parameters: Parameters,
    private readonly gates: Gates,
    private readonly options: ForwardOptions,
    private readonly prefix = "",
  ) {}

  /** The same pass seen from a part of the model: names and places are those that begin with `prefix`, such as "text.". */
  within(prefix: string): Pass {
    return new Pass(this.parameters, this.gates, this.options, this.prefix + prefix);
  }

  get training(): TrainingPass | undefined {
    return this.options.training;
  }

  #value(name: string): Tensor {
    return this.#written(name, this.#substitute(name));
  }

  /** A substitute as values, for operations that have no other way. */
  #written(name: string, substitute: Substitute): Tensor {
    if (substitute instanceof Tensor) return substitute;
    if (substitute === "absent") return map("0.0", { w: this.parameters.get(name).value.detach() });
    return map(substitute.as === "square" ? "w * w" : "1.0", { w: substitute.tensor });
  }

  #substitute(name: string): Substitute {
    const parameter = this.parameters.get(name);
    return this.options.weights?.(parameter) ?? parameter.value;
  }

  /** What takes part as a parameter, for operations that square it, or set it to one, as they read it. */
  #operand(name: string): { value: Tensor; weightAs?: WeightAs } {
    const substitute = this.#substitute(name);
    if (substitute instanceof Tensor || substitute === "absent") return { value: this.#written(name, substitute) };
    const { tensor: value, as: weightAs } = substitute;
    return { value, weightAs };
  }

  /** A layer's bias times its mask; none where it has none, or where it is left out. */
  #bias(prefix: string): Tensor | undefined {
    const name = `${prefix}.bias`;
    const substitute = this.parameters.has(name) ? this.#substitute(name) : "absent";
    return substitute === "absent" ? undefined : this.#masked(name, this.#written(name, substitute));
  }

  /** What takes part as a parameter, times its mask. */
  value(name: string): Tensor {
    return this.#vector(this.prefix + name);
  }

  #vector(name: string): Tensor {
    return this.#masked(name, this.#value(name));
  }

  #masked(name: string, value: Tensor): Tensor {
    const { mask } = this.parameters.get(name);
    return mask ? applyBits(value, mask) : value;
  }

  /** Images, or whatever the first layer reads, as the model keeps its activations. */
  input(x: Tensor): Tensor {
    return cast(x, this.parameters.precision);
  }

  /** What a classifier says, always f32: see `linear`. */
  logits(x: Tensor, layer: string): Tensor {
    return this.linear(x, layer, "f32");
  }

  /**
   * y = x (W * mask)^T + b with `prefix.weight` and, if there is one, `prefix.bias`. A convolution's weight counts as [out, rest].
   * @param storage - of y. Default: that of x
   */
  linear(x: Tensor, layer: string, storage?: FloatStorage): Tensor {
    const { inputs, attributes } = this.#layer(x, layer);
    const y = linear(inputs, { ...attributes, storage });
    this.options.observer?.layer?.(this.prefix + layer, x, y);
    return y;
  }

  #layer(x: Tensor, layer: string): { inputs: LinearInputs; attributes: LinearAttributes } {
    const prefix = this.prefix + layer;
    const name = `${prefix}.weight`;
    const { value, ...as } = this.#operand(name);
    const weight = value.shape.length === 2 ? value : reshape(value, [value.shape[0], value.size / value.shape[0]]);
    const { denseGradients: denseGradient } = this.options;
    const attributes = { mask: this.parameters.get(name).mask, denseGradient, ...as };
    return { inputs: { x, weight, bias: this.#bias(prefix) }, attributes };
  }

  /** Whether what a layer of x gives may go where it is needed without being written on the way. */
  #passesOn(gates: readonly string[]): boolean {
    const gated = gates.some((place) => this.gates.get(this.prefix + place));
    return !gated && !this.options.observer;
  }

  /** The activation function, at its place, of a layer's gated result; in one product where nothing sits between the two. */
  activated(
    x: Tensor,
    layer: string,
    { kind, place, gates = [] }: { kind: ActivationKind; place: string; gates?: readonly string[] },
  ): Tensor {
    if (this.options.activation || !this.#passesOn(gates)) {
      return this.activate(this.gate(this.linear(x, layer), ...gates), kind, place);
    }
    const { inputs, attributes } = this.#layer(x, layer);
    return activatedLinear(inputs, attributes, kind);
  }

  /** x plus a layer of y in one product; undefined where a gate sits between the two, or somebody looks there. */
  linearOnto(x: Tensor, y: Tensor, layer: string, gates: readonly string[]): Tensor | undefined {
    if (this.options.residual || !this.#passesOn(gates)) return undefined;
    const { inputs, attributes } = this.#layer(y, layer);
    return linear({ ...inputs, residual: x }, attributes);
  }

  /** A convolution of [N, C, H, W] with `prefix.weight`, its mask and, if there is one, `prefix.bias`. */
  conv(x: Tensor, layer: string, window: ConvWindow): Tensor {
    const prefix = this.prefix + layer;
    const name = `${prefix}.weight`;
    const { value: weight, ...as } = this.#operand(name);
    const bias = this.#bias(prefix);
    const { denseGradients: denseGradient, observer } = this.options;
    const mask = this.parameters.get(name).mask;
    const y = conv2d({ x, weight, bias }, { ...window, mask, denseGradient, ...as });
    if (observer?.layer) {
      const [input, output] = [patchRows(x, weight.shape.slice(2), window), patchRows(y, [1, 1], {})];
      observer.layer(prefix, input, output);
      for (const rows of [input, output]) rows.gpu.release(rows);
    }
    return y;
  }

  /** By channel; see {@link ForwardOptions.batchNorm}. */
  batchNorm(x: Tensor, layer: string): Tensor {
    const prefix = this.prefix + layer;
    const weight = this.#vector(`${prefix}.weight`);
    const substitute = this.options.norm?.(x, prefix, weight);
    if (substitute) return substitute;
    const bias = this.#vector(`${prefix}.bias`);
    const { batchNorm: by = this.training ? "training" : "running" } = this.options;
    // The kernel moves what it is given; with "batch" that is thrown away.
    const running = (part: string) =>
      by === "batch" ? Tensor.empty(x.gpu, weight.shape) : this.#value(`${prefix}.running_${part}`);
    const statistics = { runningMean: running("mean"), runningVariance: running("var") };
    const attributes = { ...statistics, epsilon: BATCH_NORM_EPSILON, training: by !== "running" };
    return batchNorm({ x, weight, bias }, attributes);
  }

  /** Each channel of [N, C, H, W] times a weight of `prefix.weight`. */
  scale(x: Tensor, layer: string): Tensor {
    const [, , height, width] = x.shape;
    return gate(x, this.#vector(`${this.prefix + layer}.weight`), height * width);
  }

  /** Over the last axis; `normWidth` counts what was cut from it as zeros. */
  layerNorm(x: Tensor, layer: string, { normEps, normWidth }: NormSettings, columns?: ColumnMap): Tensor {
    const prefix = this.prefix + layer;
    const weight = this.#vector(`${prefix}.weight`);
    const substitute = this.options.norm?.(x, prefix, weight);
    if (substitute) return substitute;
    const bias = this.#vector(`${prefix}.bias`);
    return layerNorm({ x, weight, bias }, { epsilon: normEps, count: normWidth, columns });
  }

  /** Some columns of `layerNorm` and no others; undefined where a gate sits on all of them, or somebody looks there. */
  normedColumns(
    x: Tensor,
    layer: string,
    settings: NormSettings,
    { columns, gates }: { columns: ColumnMap; gates: readonly string[] },
  ): Tensor | undefined {
    if (this.options.norm || !this.#passesOn(gates)) return undefined;
    return this.layerNorm(x, layer, settings, columns);
  }

  /** Attention with the gate of tokens as keys, if there is one. */
  attention(qkv: Tensor, attributes: AttentionAttributes, place: string): Tensor {
    const keyGate = this.gates.get(`${this.prefix}token`);
    return (
      this.options.attention?.(qkv, attributes, this.prefix + place, keyGate) ?? attention(qkv, attributes, keyGate)
    );
  }

  /** The activation function of units with a gate place, before their gate. */
  activate(x: Tensor, kind: ActivationKind, place: string): Tensor {
    return this.options.activation?.(x, this.prefix + place, kind) ?? activation(x, kind);
  }

  /** x times the gates at these places; x itself where there is none. */
  gate(x: Tensor, ...keys: string[]): Tensor {
    return keys.reduce((activation, place) => {
      const key = this.prefix + place;
      const gated = this.gates.apply(activation, key);
      this.options.observer?.site?.(key, gated);
      return gated;
    }, x);
  }

  /** x plus what a residual branch makes of it. */
  residual(x: Tensor, branch: Tensor): Tensor {
    return this.options.residual?.(x, branch) ?? add(x, branch);
  }

  dropout(x: Tensor, rate: number): Tensor {
    return this.training?.dropout(x, rate) ?? x;
  }

  dropPath(x: Tensor, rate: number): Tensor {
    return this.training?.dropPath(x, rate) ?? x;
  }
}
