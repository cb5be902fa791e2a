/** Convolutional networks: ResNets and VGG, as their layouts describe them. */
import { FormatError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type ConvNetConfig, inputSpec, type ModelConfig } from "../io/config.js";
import type { ConvNetLayout, ConvNorm, Stage } from "../io/convnet-layout.js";
import { convNetLayout } from "../io/convnet-networks.js";
import { globalAveragePool, historyEnabled, maxPool, type Tensor } from "../tensor/index.js";
import {
  convNetGatePlaces,
  convNetLayers,
  convNetNeuronUnits,
  convNetTrunk,
  neuronPlace,
  reluPlace,
} from "./convnet-sites.js";
import type { ForwardOptions } from "./forward-options.js";
import { Gates } from "./gates.js";
import type { Model, ModelOutput } from "./model.js";
import { type ModelWeights, modelParameters, type Parameters } from "./parameter.js";
import { Pass } from "./pass.js";
import { inScope } from "./scoped.js";
import type { PrunableLayer, UnitGroup, UnitKind } from "./sites.js";

const isConvNet = (config: ModelConfig): config is ConvNetConfig =>
  config.architecture !== "vit" && config.architecture !== "mlp";

/**
 * A ResNet or VGG in inference and training, with a gate at the channels that a single layer reads. Weights carry the names of the code that the
 * architecture comes from: the PX authors' or torchvision's.
 */
export class ConvNet implements Model {
  readonly config: ConvNetConfig;
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly layers: readonly PrunableLayer[];
  readonly trunk: readonly string[];
  readonly sampleShape: readonly number[];
  readonly #layout: ConvNetLayout;

  /** @throws FormatError when the config is not a convolutional network's, or weights and config disagree. */
  constructor(
    readonly gpu: Gpu,
    config: ModelConfig,
    weights: ModelWeights,
  ) {
    if (!isConvNet(config)) {
      throw new FormatError(
        `model: expected the config of a ResNet or VGG, got "${config.architecture}"; load such a model`,
      );
    }
    this.config = config;
    this.#layout = convNetLayout(config);
    this.parameters = modelParameters(gpu, config, weights);
    this.gates = new Gates(convNetGatePlaces(this.#layout));
    this.layers = convNetLayers(this.#layout, config.numClasses);
    this.trunk = convNetTrunk(this.#layout);
    this.sampleShape = inputSpec(config).sampleShape;
  }

  unitGroups(kind: UnitKind): readonly UnitGroup[] {
    return kind === "neuron" ? convNetNeuronUnits(this.#layout) : [];
  }

  forward(images: Tensor, options: ForwardOptions = {}): ModelOutput {
    const { architecture } = this.config;
    if (images.shape.length !== 4 || this.sampleShape.some((extent, axis) => images.shape[axis + 1] !== extent)) {
      throw new ShapeError(
        `${architecture}: expected images [N, ${this.sampleShape.join(", ")}], got [${images.shape}]; resize them, or give the config their size`,
      );
    }
    const pass = new Pass(this.parameters, this.gates, options);
    const steps = [
      ...this.#layout.stages.map((stage) => (x: Tensor) => runStage(x, stage, pass)),
      (x: Tensor) => pass.linear(globalAveragePool(x), "fc"),
    ];
    const logits = steps.reduce((input, step) => {
      const output = inScope(this.gpu, () => step(input));
      if (input !== images && !historyEnabled()) this.gpu.release(input);
      return output;
    }, images);
    return { logits };
  }

  /** Gives the memory of the weights and masks back. */
  release(): void {
    this.parameters.release();
  }
}

const convNorm = (x: Tensor, { conv, norm, stride, padding }: ConvNorm, pass: Pass): Tensor =>
  pass.batchNorm(pass.conv(x, conv, { stride, padding }), norm);

/** With ReLU and the gate of its channels, where they have one. */
function neurons(x: Tensor, conv: ConvNorm, pass: Pass): Tensor {
  const place = neuronPlace(conv);
  return pass.gate(pass.activate(convNorm(x, conv, pass), "relu", place), place);
}

function runStage(x: Tensor, stage: Stage, pass: Pass): Tensor {
  if (stage.kind === "maxPool") return maxPool(x, stage);
  if (stage.kind === "conv") {
    if (!stage.residual) return neurons(x, stage.conv, pass);
    return pass.activate(convNorm(x, stage.conv, pass), "relu", reluPlace(stage.conv.conv));
  }
  const { name, branch, shortcut } = stage;
  const inner = branch.slice(0, -1).reduce((y, conv) => neurons(y, conv, pass), x);
  const y = convNorm(inner, branch[branch.length - 1], pass);
  return pass.activate(pass.residual(shortcutOf(x, shortcut, pass), y), "relu", reluPlace(name));
}

function shortcutOf(x: Tensor, shortcut: Extract<Stage, { kind: "block" }>["shortcut"], pass: Pass): Tensor {
  if (!shortcut) return x;
  return "scale" in shortcut ? pass.scale(x, shortcut.scale) : convNorm(x, shortcut, pass);
}
