/** One forward pass: layers as functions of named parameters and gates, what makes it a training pass, and who looks on. */
import {
  type ActivationKind,
  type AttentionAttributes,
  activatedLinear,
  activation,
  add,
  attention,
  type ColumnMap,
  cast,
  type FloatStorage,
  gatedLinear,
  type LinearAttributes,
  type LinearInputs,
  layerNorm,
  linear,
  reshape,
  type Tensor,
} from "../tensor/index.js";
import { batchNormLayer, convLayer, type NamedLayer, scaleLayer } from "./channel-layers.js";
import type { ForwardOptions } from "./forward-options.js";
import type { Gates } from "./gates.js";
import { Operands } from "./operands.js";
import type { Parameters } from "./parameter.js";
import type { ConvWindow } from "./patch-rows.js";
import type { TrainingPass } from "./training.js";

/** What layer norms of a model have in common. */
export interface NormSettings {
  readonly normEps: number;
  /** Channels over which mean and variance run. */
  readonly normWidth?: number;
}

/** Layers of a model by name; what takes the place of parts of it is in {@link ForwardOptions}. */
export class Pass {
  readonly #operands: Operands;

  constructor(
    private readonly parameters: Parameters,
    private readonly gates: Gates,
    private readonly options: ForwardOptions,
    private readonly prefix = "",
  ) {
    this.#operands = new Operands(parameters, options);
  }

  /** The same pass seen from a part of the model: names and places are those that begin with `prefix`, such as "text.". */
  within(prefix: string): Pass {
    return new Pass(this.parameters, this.gates, this.options, this.prefix + prefix);
  }

  get training(): TrainingPass | undefined {
    return this.options.training;
  }

  /** What takes part as a parameter, times its mask. */
  value(name: string): Tensor {
    return this.#operands.vector(this.prefix + name);
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
    const { weight: value, bias, attributes } = this.#operands.layer(this.prefix + layer);
    const weight = value.shape.length === 2 ? value : reshape(value, [value.shape[0], value.size / value.shape[0]]);
    return { inputs: { x, weight, bias }, attributes };
  }

  /** Factors of the gates at these places by column of what a layer writes, where there are any. */
  #columns(places: readonly string[], { weight }: LinearInputs): Tensor | undefined {
    return this.gates.columns(
      places.map((place) => this.prefix + place),
      weight.shape[0],
    );
  }

  /** A layer's result times the gates at these places; in one product unless somebody looks on. */
  gated(x: Tensor, layer: string, ...places: string[]): Tensor {
    if (this.options.observer) return this.gate(this.linear(x, layer), ...places);
    const { inputs, attributes } = this.#layer(x, layer);
    return gatedLinear(inputs, attributes, this.#columns(places, inputs));
  }

  /** The activation function of a layer's result, which has `gates`, times the gate at the function's place; in one product unless somebody looks on. */
  activated(
    x: Tensor,
    layer: string,
    { kind, place, gates = [] }: { kind: ActivationKind; place: string; gates?: readonly string[] },
  ): Tensor {
    if (this.options.activation || this.options.observer) {
      return this.gate(this.activate(this.gated(x, layer, ...gates), kind, place), place);
    }
    const { inputs, attributes } = this.#layer(x, layer);
    const [before, after] = [this.#columns(gates, inputs), this.#columns([place], inputs)];
    return activatedLinear(inputs, attributes, kind, { before, after });
  }

  /** x plus a layer of y times the gates at these places in one product; undefined where somebody looks between the two. */
  linearOnto(x: Tensor, y: Tensor, layer: string, places: readonly string[]): Tensor | undefined {
    if (this.options.residual || this.options.observer) return undefined;
    const { inputs, attributes } = this.#layer(y, layer);
    return gatedLinear({ ...inputs, residual: x }, attributes, this.#columns(places, inputs));
  }

  #named(layer: string): NamedLayer {
    return { prefix: this.prefix + layer, operands: this.#operands, options: this.options };
  }

  /** A convolution of [N, C, H, W] with `prefix.weight`, its mask and, if there is one, `prefix.bias`. */
  conv(x: Tensor, layer: string, window: ConvWindow): Tensor {
    return convLayer(x, this.#named(layer), window);
  }

  /** By channel; see {@link ForwardOptions.batchNorm}. */
  batchNorm(x: Tensor, layer: string): Tensor {
    return batchNormLayer(x, this.#named(layer));
  }

  /** Each channel of [N, C, H, W] times a weight of `prefix.weight`. */
  scale(x: Tensor, layer: string): Tensor {
    return scaleLayer(x, this.#named(layer));
  }

  /** Over the last axis; `normWidth` counts what was cut from it as zeros. */
  layerNorm(x: Tensor, layer: string, { normEps, normWidth }: NormSettings, columns?: ColumnMap): Tensor {
    const prefix = this.prefix + layer;
    const weight = this.#operands.vector(`${prefix}.weight`);
    const substitute = this.options.norm?.(x, prefix, weight);
    if (substitute) return substitute;
    const bias = this.#operands.vector(`${prefix}.bias`);
    return layerNorm({ x, weight, bias }, { epsilon: normEps, count: normWidth, columns });
  }

  /** Some columns of `layerNorm` and no others; undefined where a gate sits on all of them, or somebody looks there. */
  normedColumns(
    x: Tensor,
    layer: string,
    settings: NormSettings,
    { columns, gates }: { columns: ColumnMap; gates: readonly string[] },
  ): Tensor | undefined {
    const gated = gates.some((place) => this.gates.get(this.prefix + place));
    if (this.options.norm || this.options.observer || gated) return undefined;
    return this.layerNorm(x, layer, settings, columns);
  }

  /** Attention with the gates of tokens as keys and of its heads, if there are any. */
  attention(qkv: Tensor, attributes: AttentionAttributes, place: string): Tensor {
    const keyGate = this.gates.get(`${this.prefix}token`);
    const site = `${place}.head`;
    const substitute = this.options.attention?.(qkv, attributes, this.prefix + place, keyGate);
    if (substitute) return this.gate(substitute, site);
    const mixed = attention(qkv, attributes, keyGate, this.gates.get(this.prefix + site));
    this.options.observer?.site?.(this.prefix + site, mixed);
    return mixed;
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
