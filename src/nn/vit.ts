/** Vision Transformer and DeiT in timm's structure and names. */
import { FormatError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { inputSpec, type ModelConfig, type ViTConfig } from "../io/config.js";
import { historyEnabled, Tensor } from "../tensor/index.js";
import type { ForwardOptions } from "./forward-options.js";
import { Gates } from "./gates.js";
import type { Model, ModelOutput } from "./model.js";
import { type ModelWeights, modelParameters, type Parameters } from "./parameter.js";
import { Pass } from "./pass.js";
import type { ModelOptions } from "./precision.js";
import type { PrunableLayer, UnitGroup, UnitKind } from "./sites.js";
import { type EncoderBlock, encoderBlocks, releaseBlocks } from "./vit-block.js";
import { exitLogits, vitOutput, vitTokens } from "./vit-forward.js";
import { prefixCount, vitGatePlaces, vitLayers } from "./vit-sites.js";
import { vitUnits } from "./vit-units.js";

/** A Vision Transformer or DeiT in inference and training, with a place for a gate at every site. Weights carry timm's names. */
export class ViT implements Model {
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly layers: readonly PrunableLayer[];
  readonly #blocks: readonly EncoderBlock[];
  readonly #half: Tensor;

  /** None: each block goes around its only activation function. */
  readonly trunk = [];
  readonly config: ViTConfig;
  readonly sampleShape: readonly number[];

  /** @throws FormatError when the config is not a ViT's, or weights and config disagree. */
  constructor(
    readonly gpu: Gpu,
    config: ModelConfig,
    weights: ModelWeights,
    options: ModelOptions = {},
  ) {
    if (config.architecture !== "vit") {
      throw new FormatError(
        `model: expected the config of a ViT or DeiT, got "${config.architecture}"; load such a model`,
      );
    }
    this.config = config;
    this.parameters = modelParameters(gpu, config, weights, options);
    this.gates = new Gates(vitGatePlaces(config));
    this.layers = vitLayers(config);
    this.sampleShape = inputSpec(config).sampleShape;
    this.#blocks = encoderBlocks(gpu, config, { prefixTokens: prefixCount(config) });
    this.#half = Tensor.from(gpu, Float32Array.of(0.5));
  }

  unitGroups(kind: UnitKind): readonly UnitGroup[] {
    return vitUnits(this.config, kind);
  }

  forward(images: Tensor, options: ForwardOptions = {}): ModelOutput {
    const pass = new Pass(this.parameters, this.gates, options);
    const exits: Tensor[] = [];
    const tokens = vitTokens(images, this.config, this.#blocks, pass, (x, depth) => {
      if (pass.training && this.config.exits?.includes(depth)) exits.push(exitLogits(x, depth, this.config, pass));
    });
    const output = vitOutput(tokens, this.config, pass, this.#half);
    if (!historyEnabled()) this.gpu.release(tokens);
    return exits.length > 0 ? { ...output, exits } : output;
  }

  /** Gives the memory of the weights and masks back. */
  release(): void {
    this.parameters.release();
    releaseBlocks(this.#blocks);
    this.gpu.release(this.#half);
  }
}
