/** One forward pass: where a model's layers find their weights, masks and gates, what makes it a training pass, and who looks on. */
import {
  type ActivationKind,
  activation,
  applyBits,
  layerNorm,
  linear,
  reshape,
  type Tensor,
} from "../tensor/index.js";
import type { Gates } from "./gates.js";
import type { Parameter, Parameters } from "./parameter.js";
import type { TrainingPass } from "./training.js";

/** Sees activations as they are computed. Where no gradient is wanted their memory is reused after the call, so work with them at once. */
export interface Observer {
  /** Input [..., in] and output [..., out] of a layer with weights, such as "blocks.0.mlp.fc1"; a convolution's input are its patches as rows. */
  readonly layer?: (name: string, input: Tensor, output: Tensor) => void;
  /** The activation at a gate's place, such as "blocks.0.mlp.neuron", after its gate if there is one. */
  readonly site?: (key: string, activation: Tensor) => void;
}

/** What may be asked of a forward pass. */
export interface ForwardOptions {
  /** Makes it a training pass. */
  readonly training?: TrainingPass;
  readonly observer?: Observer;
  /** The tensor that takes the place of a parameter's value, in its shape, such as |w|. Masks lie over it as over the value. */
  readonly weights?: (parameter: Parameter) => Tensor;
  /** What takes the place of an activation function at a place such as "blocks.0.mlp.neuron"; undefined leaves it as it is. */
  readonly activation?: (x: Tensor, place: string) => Tensor | undefined;
  /** Gradients also for removed weights of matrices, as criteria want that may revive them. */
  readonly denseGradients?: boolean;
}

/** Layers as functions of named parameters; a mask on a parameter is applied where the parameter is used. */
export class Pass {
  constructor(
    private readonly parameters: Parameters,
    private readonly gates: Gates,
    private readonly options: ForwardOptions,
  ) {}

  get training(): TrainingPass | undefined {
    return this.options.training;
  }

  /** What takes part as a parameter, before its mask. */
  weight(name: string): Tensor {
    const parameter = this.parameters.get(name);
    return this.options.weights?.(parameter) ?? parameter.value;
  }

  /** A vector times its mask. */
  #vector(name: string): Tensor {
    const { mask } = this.parameters.get(name);
    const value = this.weight(name);
    return mask ? applyBits(value, mask) : value;
  }

  /** y = x (W * mask)^T + b with `prefix.weight` and, if there is one, `prefix.bias`. A convolution's weight counts as [out, rest]. */
  linear(x: Tensor, prefix: string): Tensor {
    const name = `${prefix}.weight`;
    const value = this.weight(name);
    const weight = value.shape.length === 2 ? value : reshape(value, [value.shape[0], value.size / value.shape[0]]);
    const bias = this.parameters.has(`${prefix}.bias`) ? this.#vector(`${prefix}.bias`) : undefined;
    const { denseGradients: denseGradient } = this.options;
    const y = linear({ x, weight, bias }, { mask: this.parameters.get(name).mask, denseGradient });
    this.options.observer?.layer?.(prefix, x, y);
    return y;
  }

  layerNorm(x: Tensor, prefix: string, epsilon: number): Tensor {
    return layerNorm(
      { x, weight: this.#vector(`${prefix}.weight`), bias: this.#vector(`${prefix}.bias`) },
      { epsilon },
    );
  }

  /** The activation function of units with a gate place, before their gate. */
  activate(x: Tensor, kind: ActivationKind, place: string): Tensor {
    return this.options.activation?.(x, place) ?? activation(x, kind);
  }

  /** x times the gates at these places; x itself where there is none. */
  gate(x: Tensor, ...keys: string[]): Tensor {
    return keys.reduce((activation, key) => {
      const gated = this.gates.apply(activation, key);
      this.options.observer?.site?.(key, gated);
      return gated;
    }, x);
  }

  gateOf(key: string): Tensor | undefined {
    return this.gates.get(key);
  }

  dropout(x: Tensor, rate: number): Tensor {
    return this.training?.dropout(x, rate) ?? x;
  }

  dropPath(x: Tensor, rate: number): Tensor {
    return this.training?.dropPath(x, rate) ?? x;
  }
}
