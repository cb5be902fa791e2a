import { FormatError } from "../errors.js";
import type { HostTensor } from "./safetensors.js";
import { quote, shapeText } from "./text.js";

/**
 * Whose parameter names a file uses: timm's, or Hugging Face's under the prefix `vit.` or `deit.`.
 * In memory every tensor has timm's name; a file is saved with the names it came with.
 */
export type Naming = "timm" | "vit" | "deit";

/** timm <-> Hugging Face, below the model's prefix. */
const modelNames = [
  ["cls_token", "embeddings.cls_token"],
  ["dist_token", "embeddings.distillation_token"],
  ["pos_embed", "embeddings.position_embeddings"],
  ["patch_embed.proj", "embeddings.patch_embeddings.projection"],
  ["norm", "layernorm"],
] as const;

/** timm <-> Hugging Face, below `blocks.N.` and `encoder.layer.N.`. */
const blockNames = [
  ["norm1", "layernorm_before"],
  ["attn.proj", "attention.output.dense"],
  ["norm2", "layernorm_after"],
  ["mlp.fc1", "intermediate.dense"],
  ["mlp.fc2", "output.dense"],
] as const;

/** timm <-> Hugging Face; these have no prefix. */
const headNames = {
  vit: [["head", "classifier"]],
  deit: [
    ["head", "cls_classifier"],
    ["head_dist", "distillation_classifier"],
  ],
} as const;

/** timm packs these three, in this order, into `attn.qkv` of shape `[3 * dim, dim]`. */
const packed = ["query", "key", "value"] as const;
const packedName = (part: string): string => `attention.attention.${part}`;

export function detectNaming(names: Iterable<string>): Naming {
  for (const name of names) {
    if (name.startsWith("vit.")) return "vit";
    if (name.startsWith("deit.")) return "deit";
  }
  return "timm";
}

/** Renames tensors of a file to timm's names and packs query, key and value. Unknown names stay as they are. */
export function toTimmNames<T extends HostTensor>(
  tensors: ReadonlyMap<string, T>,
  naming: Naming,
  source: string,
): Map<string, T> {
  if (naming === "timm") return new Map(tensors);
  const renamed = new Map<string, T>();
  for (const [name, tensor] of tensors) {
    const { timm, part } = timmName(name, naming);
    if (part === undefined) renamed.set(timm, tensor);
    else if (part === "query") {
      const parts = packed.map((other) => tensors.get(name.replace(".query.", `.${other}.`)));
      renamed.set(timm, packThree(parts, `${source}: ${quote(name)}`));
    } else if (!tensors.has(name.replace(`.${part}.`, ".query."))) {
      throw new FormatError(`${source}: expected the query beside ${quote(name)}, got none; the file is incomplete`);
    }
  }
  return renamed;
}

/** Renames tensors from timm's names to those of a file and splits `attn.qkv` into query, key and value. */
export function fromTimmNames<T extends HostTensor>(
  tensors: Iterable<readonly [string, T]>,
  naming: Naming,
): Map<string, T> {
  const renamed = new Map<string, T>();
  for (const [name, tensor] of tensors) {
    const names = namesInFile(name, naming);
    if (names.length === 1) renamed.set(names[0], tensor);
    else for (const [index, part] of splitThree(tensor, name).entries()) renamed.set(names[index], part);
  }
  return renamed;
}

/** What a file calls the parameter with this timm name: one name, or three for a packed one. */
export function namesInFile(timm: string, naming: Naming): string[] {
  if (naming === "timm") return [timm];
  const block = /^blocks\.(\d+)\.(.+)$/.exec(timm);
  if (block) {
    const layer = `${naming}.encoder.layer.${block[1]}.`;
    const qkv = /^attn\.qkv\.(weight|bias)$/.exec(block[2]);
    if (qkv) return packed.map((part) => `${layer}${packedName(part)}.${qkv[1]}`);
    const name = translate(block[2], blockNames, 0);
    return [name === undefined ? timm : layer + name];
  }
  const name = translate(timm, modelNames, 0);
  return [name === undefined ? (translate(timm, headNames[naming], 0) ?? timm) : `${naming}.${name}`];
}

function timmName(name: string, naming: "vit" | "deit"): { timm: string; part?: string } {
  if (!name.startsWith(`${naming}.`)) return { timm: translate(name, headNames[naming], 1) ?? name };
  const inner = name.slice(naming.length + 1);
  const layer = /^encoder\.layer\.(\d+)\.(.+)$/.exec(inner);
  if (!layer) return { timm: translate(inner, modelNames, 1) ?? name };
  const qkv = /^attention\.attention\.(query|key|value)\.(weight|bias)$/.exec(layer[2]);
  if (qkv) return { timm: `blocks.${layer[1]}.attn.qkv.${qkv[2]}`, part: qkv[1] };
  const translated = translate(layer[2], blockNames, 1);
  return { timm: translated === undefined ? name : `blocks.${layer[1]}.${translated}` };
}

/** Translates `name`, with or without `.weight` or `.bias`, from column `from` of a table to the other column. */
function translate(name: string, table: readonly (readonly [string, string])[], from: 0 | 1): string | undefined {
  const [, stem, suffix] = /^(.+?)(\.weight|\.bias)?$/.exec(name) ?? [];
  const row = table.find((names) => names[from] === stem);
  return row && row[1 - from] + (suffix ?? "");
}

function packThree<T extends HostTensor>(parts: readonly (T | undefined)[], where: string): T {
  const [query, key, value] = parts;
  const same = (other: T | undefined) =>
    other && query && other.dtype === query.dtype && shapeText(other.shape) === shapeText(query.shape);
  if (!query || !same(key) || !same(value)) {
    const got = parts.map((part) => (part ? `${part.dtype} ${shapeText(part.shape)}` : "none")).join(", ");
    throw new FormatError(`${where}: expected query, key and value of one shape, got ${got}; the file is incomplete`);
  }
  const [rows, ...rest] = query.shape;
  const data = new (query.data.constructor as typeof Float32Array)(3 * query.data.length);
  for (const [index, part] of parts.entries()) data.set(part!.data as Float32Array, index * query.data.length);
  return { ...query, shape: [3 * rows, ...rest], data };
}

function splitThree<T extends HostTensor>(tensor: T, name: string): T[] {
  const [rows, ...rest] = tensor.shape;
  if (rows % 3) {
    throw new FormatError(`${quote(name)}: expected rows for query, key and value, got ${rows}; it cannot be split`);
  }
  const length = tensor.data.length / 3;
  return packed.map((_, index) => ({
    ...tensor,
    shape: [rows / 3, ...rest],
    data: tensor.data.slice(index * length, (index + 1) * length),
  }));
}
