/**
 * The loss of a ViT with a class token over the variables of double-backward.ts, from parameters in timm's names. Tokens that blocks leave out stay
 * where they are, and are ignored as keys from then on: the masked form of what the library computes without them.
 */
import type { ViTConfig } from "../../src/io/index.js";
import { add, constant, gather, scatter, type Variable } from "./double-backward.js";
import { attention, crossEntropy, gelu, indices, layerNorm, linear, scale, spread } from "./float64-layers.js";

type Parameters = ReadonlyMap<string, Variable>;

/** Layers of named parameters. */
export function namedLayers(parameters: Parameters, normEps: number) {
  const get = (name: string) => parameters.get(name)!;
  return {
    get,
    dense: (x: Variable, name: string, inputs: number) =>
      linear(x, get(`${name}.weight`), parameters.get(`${name}.bias`), inputs),
    norm: (x: Variable, name: string) => layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), normEps),
  };
}

/** Mean cross entropy of images [batch, channels, size, size]. */
export function vitLoss(
  config: ViTConfig,
  parameters: Parameters,
  images: Variable,
  labels: readonly number[],
  smoothing: number,
): Variable {
  const batch = labels.length;
  const { classes } = vitOutputs(config, parameters, images, batch);
  return scale(crossEntropy(classes, labels, smoothing), 1 / batch);
}

/** Tokens behind the last block, [batch, tokens, width], and what the head makes of the first of each image. */
export function vitOutputs(config: ViTConfig, parameters: Parameters, images: Variable, batch: number) {
  const { imageSize, patchSize, inChannels, embedDim, blocks, normEps } = config;
  const side = imageSize / patchSize;
  const tokens = side * side + 1;
  const rows = batch * tokens;
  const { get, dense, norm } = namedLayers(parameters, normEps);
  const pixel = (b: number, py: number, px: number, c: number, y: number, x: number) =>
    ((b * inChannels + c) * imageSize + py * patchSize + y) * imageSize + px * patchSize + x;
  const patches = gather(images, indices([batch, side, side, inChannels, patchSize, patchSize], pixel));
  const embedded = dense(patches, "patch_embed.proj", inChannels * patchSize ** 2);
  const length = rows * embedDim;
  const classPlaces = indices([batch, embedDim], (b, c) => b * tokens * embedDim + c);
  const patchPlaces = indices([batch, tokens - 1, embedDim], (b, t, c) => (b * tokens + t + 1) * embedDim + c);
  const classTokens = scatter(spread(get("cls_token"), batch * embedDim, 1), classPlaces, length);
  let x = add(add(classTokens, scatter(embedded, patchPlaces, length)), spread(get("pos_embed"), length, 1));

  let open = new Array<boolean>(rows).fill(true);
  for (const [index, { attention: attn, mlp, tokens: kept }] of blocks.entries()) {
    const block = `blocks.${index}`;
    const qkv = dense(norm(x, `${block}.norm1`), `${block}.attn.qkv`, embedDim);
    const size = { batch, tokens, heads: attn!.heads, headDim: attn!.headDim };
    const keys = indices([batch, size.heads, tokens, tokens], (b, _h, _t, j) => Number(open[b * tokens + j]));
    const heads = attention(qkv, size, constant(keys));
    if (kept !== undefined) open = mostAttended(qkv.values, size, open, kept);
    x = add(x, dense(heads, `${block}.attn.proj`, embedDim));
    const hidden = gelu(dense(norm(x, `${block}.norm2`), `${block}.mlp.fc1`, embedDim));
    x = add(x, dense(hidden, `${block}.mlp.fc2`, mlp!.hidden));
  }
  return { tokens: x, classes: dense(norm(gather(x, classPlaces), "norm"), "head", embedDim) };
}

interface AttentionExtents {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

/** Of the tokens that are open: the class token, and the `kept` others with most of its attention, mean over heads. */
function mostAttended(
  qkv: Float64Array,
  { batch, tokens, heads, headDim }: AttentionExtents,
  open: readonly boolean[],
  kept: number,
): boolean[] {
  const stays = new Array<boolean>(batch * tokens).fill(false);
  const at = (b: number, t: number, part: number, h: number, d: number) =>
    qkv[(((b * tokens + t) * 3 + part) * heads + h) * headDim + d];
  for (let b = 0; b < batch; b++) {
    const places = Array.from({ length: tokens }, (_, t) => t).filter((t) => open[b * tokens + t]);
    const attention = new Float64Array(tokens);
    for (let h = 0; h < heads; h++) {
      const shares = places.map((t) => {
        let score = 0;
        for (let d = 0; d < headDim; d++) score += at(b, 0, 0, h, d) * at(b, t, 1, h, d);
        return Math.exp(score * headDim ** -0.5);
      });
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (const [i, t] of places.entries()) attention[t] += shares[i] / total / heads;
    }
    const best = places.slice(1).sort((a, z) => attention[z] - attention[a] || a - z);
    for (const t of [0, ...best.slice(0, kept)]) stays[b * tokens + t] = true;
  }
  return stays;
}
