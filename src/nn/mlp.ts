/** Multilayer perceptron: linear layers with ReLU between them, such as LeNet-300-100. */
import { FormatError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { inputSpec, type MlpConfig, type ModelConfig } from "../io/config.js";
import { historyEnabled, reshape, type Tensor } from "../tensor/index.js";
import type { ForwardOptions } from "./forward-options.js";
import { Gates } from "./gates.js";
import { mlpGatePlaces, mlpLayers, mlpNeuronUnits } from "./mlp-sites.js";
import type { Model, ModelOutput } from "./model.js";
import { type ModelWeights, modelParameters, type Parameters } from "./parameter.js";
import { Pass } from "./pass.js";
import type { ModelOptions } from "./precision.js";
import { inScope } from "./scoped.js";
import type { PrunableLayer, UnitGroup, UnitKind } from "./sites.js";

/** An MLP in inference and training, with a gate at the neurons of every hidden layer. Weights are named `lin.N.weight` and `lin.N.bias`. */
export class MLP implements Model {
  readonly config: MlpConfig;
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly layers: readonly PrunableLayer[];
  readonly trunk: readonly string[];
  readonly sampleShape: readonly number[];

  /** @throws FormatError when the config is not an MLP's, or weights and config disagree. */
  constructor(
    readonly gpu: Gpu,
    config: ModelConfig,
    weights: ModelWeights,
    options: ModelOptions = {},
  ) {
    if (config.architecture !== "mlp") {
      throw new FormatError(`model: expected the config of an MLP, got "${config.architecture}"; load such a model`);
    }
    this.config = config;
    this.parameters = modelParameters(gpu, config, weights, options);
    this.gates = new Gates(mlpGatePlaces(config));
    this.layers = mlpLayers(config);
    this.trunk = [...this.gates.places.keys()];
    this.sampleShape = inputSpec(config).sampleShape;
  }

  unitGroups(kind: UnitKind): readonly UnitGroup[] {
    return kind === "neuron" ? mlpNeuronUnits(this.config) : [];
  }

  /** @param images - [N, inputs], or of any shape [N, ...] with as many values for each example */
  forward(images: Tensor, options: ForwardOptions = {}): ModelOutput {
    const { inputs, hidden } = this.config;
    const [examples] = images.shape;
    if (images.size !== examples * inputs) {
      throw new ShapeError(`mlp: expected inputs [N, ${inputs}], got [${images.shape}]`);
    }
    const pass = new Pass(this.parameters, this.gates, options);
    let x = reshape(images, [examples, inputs]);
    for (let index = 0; index <= hidden.length; index++) {
      const input = x;
      x = inScope(this.gpu, () => this.#layer(input, pass, index));
      if (index > 0 && !historyEnabled()) this.gpu.release(input);
    }
    return { logits: x };
  }

  /** The last layer gives logits; the others have neurons. */
  #layer(x: Tensor, pass: Pass, index: number): Tensor {
    const name = `lin.${index}`;
    const input = pass.input(x);
    if (index === this.config.hidden.length) return pass.logits(input, name);
    return pass.activated(input, name, { kind: "relu", place: `${name}.neuron` });
  }

  /** Gives the memory of the weights and masks back. */
  release(): void {
    this.parameters.release();
  }
}
