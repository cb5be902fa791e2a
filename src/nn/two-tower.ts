/** Two towers that put images and texts into one space, as CLIP. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type ClipConfig, clipParameters } from "../io/config-clip.js";
import { map, Tensor } from "../tensor/index.js";
import { contrastiveLoss, similarity, unitRows } from "./contrastive.js";
import type { ForwardOptions } from "./forward-options.js";
import { Gates } from "./gates.js";
import { checkedParameters, type ModelWeights, type Parameters } from "./parameter.js";
import { Pass } from "./pass.js";
import { inScope } from "./scoped.js";
import type { UnitGroup, UnitKind } from "./sites.js";
import { encodeTexts, type Texts } from "./text-encoder.js";
import { twoTowerGatePlaces, twoTowerUnits } from "./two-tower-sites.js";
import { type EncoderBlock, encoderBlocks, releaseBlocks } from "./vit-block.js";
import { vitOutput, vitTokens } from "./vit-forward.js";
import { prefixCount } from "./vit-sites.js";

/** Cosines are multiplied by at most 100, as CLIP's. */
export const LARGEST_LOG_SCALE = Math.log(100);

/**
 * A ViT beside a text transformer (Radford et al. 2021), with a place for a gate at every site of both. With `crossAttention` in its config the text
 * tower also reads an image and tells whether both belong together (Li et al. 2022). Weights are named by {@link clipParameters}.
 */
export class TwoTower {
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly #vision: readonly EncoderBlock[];
  readonly #text: readonly EncoderBlock[];
  readonly #half: Tensor;

  /** @throws FormatError when weights and config disagree. */
  constructor(
    readonly gpu: Gpu,
    readonly config: ClipConfig,
    weights: ModelWeights,
  ) {
    this.parameters = checkedParameters(gpu, clipParameters(config), weights);
    this.gates = new Gates(twoTowerGatePlaces(config));
    this.#vision = encoderBlocks(gpu, config.vision, { prefixTokens: prefixCount(config.vision) });
    this.#text = encoderBlocks(gpu, config.text, { causal: true });
    this.#half = Tensor.from(gpu, Float32Array.of(0.5));
  }

  /** Units of both towers that go or stay as a whole. */
  unitGroups(kind: Exclude<UnitKind, "embed">): readonly UnitGroup[] {
    return twoTowerUnits(this.config, kind);
  }

  #pass(tower: "visual." | "text.", options: ForwardOptions): Pass {
    return new Pass(this.parameters, this.gates, options).within(tower);
  }

  /** The logarithm of the factor on cosines, [1]. */
  get logScale(): Tensor {
    return this.parameters.get("logit_scale").value;
  }

  /** Points of length 1 in the shared space: [batch, projectionDim]. images: [batch, C, H, W]. @throws ShapeError */
  encodeImages(images: Tensor, options: ForwardOptions = {}): Tensor {
    return inScope(this.gpu, () => {
      const pass = this.#pass("visual.", options);
      const tokens = vitTokens(images, this.config.vision, this.#vision, pass);
      return unitRows(vitOutput(tokens, this.config.vision, pass, this.#half).logits);
    });
  }

  /** Points of length 1 in the shared space: [batch, projectionDim]. @throws ShapeError */
  encodeTexts(texts: Texts, options: ForwardOptions = {}): Tensor {
    return inScope(this.gpu, () => {
      const pass = this.#pass("text.", options);
      return unitRows(pass.linear(encodeTexts(texts, this.config.text, this.#text, pass), "head"));
    });
  }

  /** How well each image goes with each text: exp(logScale) times their cosine. [images, texts] */
  similarity(images: Tensor, texts: Tensor): Tensor {
    return inScope(this.gpu, () => similarity(images, texts, this.logScale));
  }

  /**
   * The contrastive loss of pairs of images and texts, [1]; see {@link contrastiveLoss}.
   *
   * @param order - u32 [pairs]: 0, 1, 2 ...
   */
  loss(images: Tensor, texts: Texts, order: Tensor, options: ForwardOptions = {}): Tensor {
    const [a, b] = [this.encodeImages(images, options), this.encodeTexts(texts, options)];
    return contrastiveLoss(a, b, this.logScale, order);
  }

  /**
   * Logits [batch, 2] that text i does not, or does, belong to image i, by a text tower that reads the image's tokens.
   * @throws ShapeError for other numbers of images and texts, or a text tower without attention to images.
   */
  match(images: Tensor, texts: Texts, options: ForwardOptions = {}): Tensor {
    const [batch] = images.shape;
    if (texts.ids.shape[0] !== batch) {
      throw new ShapeError(`match: expected a text for each of ${batch} images, got ${texts.ids.shape[0]}`);
    }
    return inScope(this.gpu, () => {
      const image = this.#imageTokens(images, this.#pass("visual.", options));
      const pass = this.#pass("text.", options);
      return pass.linear(encodeTexts(texts, this.config.text, this.#text, pass, image), "match");
    });
  }

  /** Normed, as the text tower reads them. */
  #imageTokens(images: Tensor, pass: Pass): Tensor {
    const { vision } = this.config;
    const tokens = vitTokens(images, vision, this.#vision, pass);
    return pass.gate(pass.layerNorm(tokens, vision.pool === "avg" ? "fc_norm" : "norm", vision), "embed");
  }

  /** Brings the factor on cosines back to 1 ... 100, as CLIP does after each step of its optimizer. Recordable. */
  clampScale(): void {
    using _temporaries = this.gpu.scope();
    const clamped = map(`clamp(s, 0.0, ${LARGEST_LOG_SCALE})`, { s: this.logScale.detach() });
    this.gpu.copy(clamped.buffer, this.logScale.buffer, 4);
  }

  /** Gives the memory of the weights and masks back. */
  release(): void {
    this.parameters.release();
    releaseBlocks(this.#vision);
    releaseBlocks(this.#text);
    this.gpu.release(this.#half);
  }
}
