/** The loss of a ViT with a class token over the variables of double-backward.ts, from parameters in timm's names. */
import type { ViTConfig } from "../../src/io/index.js";
import { add, gather, scatter, type Variable } from "./double-backward.js";
import { attention, crossEntropy, gelu, indices, layerNorm, linear, scale, spread } from "./float64-layers.js";

/** Mean cross entropy of images [batch, channels, size, size]. */
export function vitLoss(
  config: ViTConfig,
  parameters: ReadonlyMap<string, Variable>,
  images: Variable,
  labels: readonly number[],
  smoothing: number,
): Variable {
  const { imageSize, patchSize, inChannels, embedDim, blocks, normEps } = config;
  const batch = labels.length;
  const side = imageSize / patchSize;
  const tokens = side * side + 1;
  const rows = batch * tokens;
  const get = (name: string) => parameters.get(name)!;
  const dense = (x: Variable, name: string, inputs: number) =>
    linear(x, get(`${name}.weight`), get(`${name}.bias`), inputs);
  const norm = (x: Variable, name: string) => layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), normEps);

  const pixel = (b: number, py: number, px: number, c: number, y: number, x: number) =>
    ((b * inChannels + c) * imageSize + py * patchSize + y) * imageSize + px * patchSize + x;
  const patches = gather(images, indices([batch, side, side, inChannels, patchSize, patchSize], pixel));
  const embedded = dense(patches, "patch_embed.proj", inChannels * patchSize ** 2);
  const length = rows * embedDim;
  const classPlaces = indices([batch, embedDim], (b, c) => b * tokens * embedDim + c);
  const patchPlaces = indices([batch, tokens - 1, embedDim], (b, t, c) => (b * tokens + t + 1) * embedDim + c);
  const classTokens = scatter(spread(get("cls_token"), batch * embedDim, 1), classPlaces, length);
  let x = add(add(classTokens, scatter(embedded, patchPlaces, length)), spread(get("pos_embed"), length, 1));

  for (const [index, { attention: attn, mlp }] of blocks.entries()) {
    const block = `blocks.${index}`;
    const qkv = dense(norm(x, `${block}.norm1`), `${block}.attn.qkv`, embedDim);
    const heads = attention(qkv, { batch, tokens, heads: attn!.heads, headDim: attn!.headDim });
    x = add(x, dense(heads, `${block}.attn.proj`, embedDim));
    const hidden = gelu(dense(norm(x, `${block}.norm2`), `${block}.mlp.fc1`, embedDim));
    x = add(x, dense(hidden, `${block}.mlp.fc2`, mlp!.hidden));
  }
  const pooled = norm(gather(x, classPlaces), "norm");
  return scale(crossEntropy(dense(pooled, "head", embedDim), labels, smoothing), 1 / batch);
}
