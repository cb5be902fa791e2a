/** The entry "pruned" of a ViT's config: what is left of the blocks of a network that was cut, and how it is written. */
import { ConfigReader } from "./config-reader.js";
import { encodeRanges } from "./index-ranges.js";
import { isObject, type JsonObject, withoutAbsent } from "./json.js";
import type { AttentionShape, BlockShape, MlpShape } from "./vit-shape.js";

/** What a ViT that was cut has in the place of equal blocks. */
export interface PrunedShape {
  /** Channels over which norms take mean and variance: those of the network before channels were cut; the cut ones count as zeros. */
  readonly normWidth: number;
  readonly blocks: readonly BlockShape[];
}

/**
 * @param embedDim - channels that are left
 * @param patches - tokens that blocks may leave out, of an encoder with a class token that ranks them
 * @throws FormatError naming the entry that is wrong.
 */
export function readPruned(reader: ConfigReader, depth: number, embedDim: number, patches = 0): PrunedShape {
  const pruned = reader.raw("pruned");
  if (!isObject(pruned)) return reader.fail("pruned", "an object");
  const source = `${reader.source}: pruned`;
  const inside = new ConfigReader(pruned, source);
  const blocks: unknown = pruned.blocks;
  if (!Array.isArray(blocks) || blocks.length !== depth) {
    return inside.fail("blocks", `a list of "${reader.key("depth")}" (${depth}) blocks`);
  }
  let tokens = patches;
  return {
    normWidth: inside.number("norm_width", { integer: true, min: embedDim, max: 1 << 20 }, embedDim),
    blocks: blocks.map((json, index) => {
      const block = readBlock(inside, json, `${source}.blocks[${index}]`, embedDim, tokens);
      tokens = block.tokens ?? tokens;
      return block;
    }),
  };
}

function readBlock(list: ConfigReader, json: unknown, source: string, embedDim: number, tokens: number): BlockShape {
  if (!isObject(json)) return list.fail("blocks", "a list of objects");
  const reader = new ConfigReader(json, source);
  const leavesOut = json.tokens !== undefined;
  if (leavesOut && (tokens === 0 || !isObject(json.attn))) {
    reader.fail("tokens", "left out where no class token or no attention ranks them");
  }
  const branch = <T>(name: string, read: (reader: ConfigReader) => T): T | undefined => {
    const value = json[name];
    if (value === null || value === undefined) return undefined;
    if (!isObject(value)) return reader.fail(name, "an object, or null for a branch that was cut");
    return read(new ConfigReader(value, `${source}.${name}`));
  };
  return withoutAbsent({
    attention: branch("attn", (reader) => readAttention(reader, embedDim)),
    mlp: branch("mlp", (reader) =>
      withoutAbsent<MlpShape>({ hidden: reader.count("hidden"), ...readChannels(reader, embedDim) }),
    ),
    tokens: leavesOut ? reader.number("tokens", { integer: true, min: 1, max: tokens }) : undefined,
  });
}

const readChannels = (reader: ConfigReader, embedDim: number) => ({
  inputs: reader.indices("in", embedDim),
  outputs: reader.indices("out", embedDim),
});

function readAttention(reader: ConfigReader, embedDim: number): AttentionShape {
  const heads = reader.count("heads");
  const headDim = reader.count("head_dim");
  const values = 2 * heads * headDim;
  const qkv = reader.indices("qkv", 3 * heads * headDim);
  if (qkv && (qkv.at(-1)! < values || qkv[0] >= values)) {
    reader.fail("qkv", "rows of queries or keys, and of values");
  }
  const scale = reader.number("scale", { above: 0, max: 1e6 }, headDim ** -0.5);
  return withoutAbsent<AttentionShape>({ heads, headDim, scale, qkv, ...readChannels(reader, embedDim) });
}

/** The entry as it is written. */
export const encodePruned = ({ normWidth, blocks }: PrunedShape): JsonObject => ({
  norm_width: normWidth,
  blocks: blocks.map(({ attention, mlp, tokens }) =>
    withoutAbsent({
      attn: attention
        ? withoutAbsent({
            heads: attention.heads,
            head_dim: attention.headDim,
            scale: attention.scale,
            in: ranges(attention.inputs),
            qkv: ranges(attention.qkv),
            out: ranges(attention.outputs),
          })
        : null,
      mlp: mlp ? withoutAbsent({ hidden: mlp.hidden, in: ranges(mlp.inputs), out: ranges(mlp.outputs) }) : null,
      tokens,
    }),
  ),
});

const ranges = (indices: readonly number[] | undefined): string | undefined => indices && encodeRanges(indices);
