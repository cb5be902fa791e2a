/** The text tower: a transformer in causal order whose end token stands for the text. */
import { ShapeError } from "../errors.js";
import type { TextConfig } from "../io/config-clip.js";
import { assembleTokens, embedding, historyEnabled, reshape, type Tensor } from "../tensor/index.js";
import { crossAttentionBlock } from "./cross-attention-block.js";
import type { Pass } from "./pass.js";
import { inScope } from "./scoped.js";
import { type EncoderBlock, vitBlock } from "./vit-block.js";
import { runBlocks } from "./vit-forward.js";

/** Texts on the device. */
export interface Texts {
  /** u32 [batch, context]: numbers of tokens; what follows the end token has no effect. */
  readonly ids: Tensor;
  /** u32 [batch]: places of the end tokens in `ids`, counted through all texts. */
  readonly ends: Tensor;
}

/**
 * Texts as a text tower reads them, padded with zeros: what to upload as {@link Texts}.
 *
 * @param texts - numbers of tokens, the end token last
 * @throws ShapeError for a text that is empty, too long, or has a token outside of the vocabulary.
 */
export function packTexts(
  texts: readonly (readonly number[])[],
  { context, vocabulary }: Pick<TextConfig, "context" | "vocabulary">,
): { ids: Uint32Array; ends: Uint32Array } {
  const ids = new Uint32Array(texts.length * context);
  const ends = texts.map((text, row) => {
    const wrong = text.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabulary);
    if (wrong !== undefined) {
      throw new ShapeError(`text ${row}: expected tokens below ${vocabulary}, got ${wrong}; check the tokenizer`);
    }
    if (text.length < 1 || text.length > context) {
      throw new ShapeError(`text ${row}: expected 1 to ${context} tokens, got ${text.length}; cut it`);
    }
    ids.set(text, row * context);
    return row * context + text.length - 1;
  });
  return { ids, ends: Uint32Array.from(ends) };
}

/**
 * The normed end token of each text: [batch, width].
 *
 * @param image - tokens of an image for each text, [batch, image tokens, image width], which blocks with attention to images then read
 * @throws ShapeError for texts of another context, or an image where no block reads one.
 */
export function encodeTexts(
  { ids, ends }: Texts,
  config: TextConfig,
  blocks: readonly EncoderBlock[],
  pass: Pass,
  image?: Tensor,
): Tensor {
  const { context, embedDim, crossAttention } = config;
  const [batch, tokens] = ids.shape;
  if (ids.shape.length !== 2 || tokens !== context || ends.size !== batch) {
    throw new ShapeError(`texts: expected ids [N, ${context}] and ends [N], got [${ids.shape}] and [${ends.shape}]`);
  }
  if (image && !crossAttention) {
    throw new ShapeError("texts: expected a text tower with attention to images, got one without; leave the image out");
  }
  const { gpu } = ids;
  const embedded = inScope(gpu, () => {
    const patches = embedding(pass.value("token_embed.weight"), ids);
    const position = reshape(pass.value("pos_embed"), [context, embedDim]);
    return assembleTokens({ patches, prefix: undefined, position }, undefined);
  });
  const read = runBlocks(embedded, blocks, (x, block) => {
    if (!image) return vitBlock(x, block, pass);
    return crossAttentionBlock(x, image, crossAttention![block.index], block, pass);
  });
  const ending = inScope(gpu, () => {
    const last = embedding(reshape(read, [batch * context, embedDim]), ends);
    return pass.gate(pass.layerNorm(last, "norm", config), "embed");
  });
  if (!historyEnabled()) for (const x of new Set([embedded, read])) gpu.release(x);
  return ending;
}
