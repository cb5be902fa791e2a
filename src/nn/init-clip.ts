/** Fresh weights of a two-tower model. */
import { type ClipConfig, clipParameters } from "../io/config-clip.js";
import { isNorm } from "../io/parameters.js";
import type { FloatTensor } from "../io/safetensors.js";
import { normal, uniformGenerator } from "./init.js";

/** Of the cosines of a fresh model: 1 / 0.07. */
const FIRST_SCALE = 1 / 0.07;

/**
 * Deviations by width w and depth d of the tower, as CLIP's code has them: w^-0.5 for qkv and projections into the shared space, (2 d w)^-0.5 for what
 * writes to the residual stream, (2 w)^-0.5 for fc1, 0.02 for tokens and 0.01 for positions of texts, w^-0.5 for those of images.
 */
function deviationOf(name: string, shape: readonly number[], { vision, text }: ClipConfig): number {
  const isText = name.startsWith("text.");
  const { embedDim, blocks } = isText ? text : vision;
  if (/token_embed/.test(name)) return 0.02;
  if (isText && /pos_embed/.test(name)) return 0.01;
  if (/(cls_token|pos_embed|head\.weight|match\.weight)$/.test(name)) return embedDim ** -0.5;
  if (/(proj|fc2)\.weight$/.test(name) && /blocks\./.test(name)) return (2 * blocks.length * embedDim) ** -0.5;
  if (/fc1\.weight$/.test(name)) return (2 * embedDim) ** -0.5;
  // Matrices and the patch embedding, by their inputs.
  return shape.slice(1).reduce((product, extent) => product * extent, 1) ** -0.5;
}

/** Normal draws, ones for norms, zeros for biases; the same on every machine. */
export function initialClipWeights(config: ClipConfig, seed: number): Map<string, FloatTensor> {
  const uniform = uniformGenerator(seed);
  const expected = clipParameters(config);
  return new Map(
    Array.from(expected, ([name, shape]) => {
      const deviation = deviationOf(name, shape, config);
      let value = () => deviation * normal(uniform);
      if (name === "logit_scale") value = () => Math.log(FIRST_SCALE);
      else if (name.endsWith(".bias")) value = () => 0;
      else if (isNorm(name, expected)) value = () => 1;
      const length = shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape: [...shape], data: Float32Array.from({ length }, value) }];
    }),
  );
}
