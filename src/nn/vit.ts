/** Vision Transformer and DeiT in timm's structure and names. */
import { FormatError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { inputSpec, type ModelConfig, type ViTConfig } from "../io/config.js";
import {
  add,
  assembleTokens,
  concatRows,
  gate,
  historyEnabled,
  meanTokens,
  patchify,
  reshape,
  Tensor,
  takeToken,
} from "../tensor/index.js";
import { Gates } from "./gates.js";
import type { Model, ModelOutput } from "./model.js";
import { type ModelWeights, modelParameters, type Parameters } from "./parameter.js";
import { type ForwardOptions, Pass } from "./pass.js";
import { inScope } from "./scoped.js";
import type { PrunableLayer, UnitGroup, UnitKind } from "./sites.js";
import { type ViTBlock, vitBlock } from "./vit-block.js";
import { blockColumns, releaseColumns } from "./vit-columns.js";
import { prefixCount, vitGatePlaces, vitLayers } from "./vit-sites.js";
import { vitUnits } from "./vit-units.js";

/** A Vision Transformer or DeiT in inference and training, with a place for a gate at every site. Weights carry timm's names. */
export class ViT implements Model {
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly layers: readonly PrunableLayer[];
  readonly #blocks: readonly ViTBlock[];
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
  ) {
    if (config.architecture !== "vit") {
      throw new FormatError(
        `model: expected the config of a ViT or DeiT, got "${config.architecture}"; load such a model`,
      );
    }
    this.config = config;
    this.parameters = modelParameters(gpu, config, weights);
    this.gates = new Gates(vitGatePlaces(config));
    this.layers = vitLayers(config);
    this.sampleShape = inputSpec(config).sampleShape;
    this.#blocks = config.blocks.map((shape, index) => {
      return { config, index, shape, columns: blockColumns(gpu, shape, config.embedDim) };
    });
    this.#half = Tensor.from(gpu, Float32Array.of(0.5));
  }

  unitGroups(kind: UnitKind): readonly UnitGroup[] {
    return vitUnits(this.config, kind);
  }

  forward(images: Tensor, options: ForwardOptions = {}): ModelOutput {
    const pass = new Pass(this.parameters, this.gates, options);
    let x = inScope(this.gpu, () => this.#embed(images, pass));
    for (const block of this.#blocks) {
      const input = x;
      x = inScope(this.gpu, () => vitBlock(input, block, pass));
      // A block without branches hands its input on.
      if (!historyEnabled() && x !== input) this.gpu.release(input);
    }
    const output = this.#classify(x, pass);
    if (!historyEnabled()) this.gpu.release(x);
    return output;
  }

  #embed(images: Tensor, pass: Pass): Tensor {
    const { inChannels, imageSize, patchSize, embedDim, posDropRate } = this.config;
    const expected = [inChannels, imageSize, imageSize];
    if (images.shape.length !== 4 || expected.some((extent, axis) => images.shape[axis + 1] !== extent)) {
      throw new ShapeError(`vit: expected images [N, ${expected.join(", ")}], got [${images.shape}]`);
    }
    const patches = pass.linear(patchify(images, patchSize), "patch_embed.proj");
    const position = pass.weight("pos_embed");
    const tokens = assembleTokens(
      { patches, prefix: this.#prefix(pass), position: reshape(position, [position.size / embedDim, embedDim]) },
      undefined,
    );
    return pass.dropout(tokens, posDropRate);
  }

  /** Class token and distillation token as rows. */
  #prefix(pass: Pass): Tensor | undefined {
    const { classToken, distilled, embedDim } = this.config;
    const row = (name: string) => reshape(pass.weight(name), [1, embedDim]);
    if (classToken && distilled) return concatRows(row("cls_token"), row("dist_token"));
    return classToken ? row("cls_token") : undefined;
  }

  #classify(x: Tensor, pass: Pass): ModelOutput {
    const { pool, distilled } = this.config;
    const head = (pooled: (tokens: Tensor) => Tensor, norm: string, name: string) =>
      inScope(this.gpu, () => this.#head(pooled(x), norm, name, pass));
    if (pool === "avg")
      return { logits: head((tokens) => meanTokens(tokens, prefixCount(this.config)), "fc_norm", "head") };
    // The norm works row by row, so only the rows that a head reads are normed.
    const logits = head((tokens) => takeToken(tokens, 0), "norm", "head");
    if (!distilled) return { logits };
    const distillation = head((tokens) => takeToken(tokens, 1), "norm", "head_dist");
    if (pass.training) return { logits, distillation };
    return { logits: inScope(this.gpu, () => gate(add(logits, distillation), this.#half, 1)) };
  }

  /** Norm, dropout and classifier of pooled tokens: [batch, width] -> [batch, classes]. */
  #head(pooled: Tensor, norm: string, name: string, pass: Pass): Tensor {
    const normed = pass.gate(pass.layerNorm(pooled, norm, this.config), "embed");
    return pass.linear(pass.dropout(normed, this.config.dropRate), name);
  }

  /** Gives the memory of the weights and masks back. */
  release(): void {
    this.parameters.release();
    for (const { columns } of this.#blocks) releaseColumns(columns);
    this.gpu.release(this.#half);
  }
}
