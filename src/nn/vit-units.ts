/** Units of a ViT that are parts of several parameters, from its config. Cutting one out leaves the same function as setting its weights to zero. */
import type { EncoderConfig, ViTConfig } from "../io/config.js";
import { type AttentionShape, contextWidth, type MlpShape } from "../io/vit-shape.js";
import type { UnitGroup, UnitKind, UnitMember } from "./sites.js";
import { type BlockTokens, blockTokens } from "./vit-sites.js";

/** A block's branch, under its names. */
interface Branch<S> {
  readonly block: string;
  readonly shape: S;
  readonly config: EncoderConfig;
  /** Of an example. */
  readonly tokens: number;
}

const member = (parameter: string, inner: number, period: number): UnitMember => ({ parameter, inner, period });

/** FLOPs of the two products of attention for one dimension of a head. */
const dimensionFlops = ({ tokens }: Pick<Branch<unknown>, "tokens">): number => 2 * 2 * tokens ** 2;

/** Channels that a branch reads. */
const inputsRead = ({ shape, config }: Branch<AttentionShape | MlpShape>): number =>
  shape.inputs?.length ?? config.embedDim;

const qkvBias = ({ block, config }: Branch<AttentionShape>, inner: number, period: number): UnitMember[] =>
  config.qkvBias ? [member(`${block}.attn.qkv.bias`, inner, period)] : [];

/** A head: its rows of q, k and v with their biases, and its columns of the projection. */
function heads(branch: Branch<AttentionShape>): UnitGroup {
  const { block, shape } = branch;
  return {
    name: `${block}.attn.head`,
    units: shape.heads,
    members: [
      member(`${block}.attn.qkv.weight`, shape.headDim * inputsRead(branch), shape.heads),
      ...qkvBias(branch, shape.headDim, shape.heads),
      member(`${block}.attn.proj.weight`, shape.headDim, shape.heads),
    ],
    flops: dimensionFlops(branch) * shape.headDim,
  };
}

/** A dimension of every head: its rows of q, k and v with their biases, and its columns of the projection. */
function headDims(branch: Branch<AttentionShape>): UnitGroup {
  const { block, shape } = branch;
  return {
    name: `${block}.attn.headDim`,
    units: shape.headDim,
    members: [
      member(`${block}.attn.qkv.weight`, inputsRead(branch), shape.headDim),
      ...qkvBias(branch, 1, shape.headDim),
      member(`${block}.attn.proj.weight`, 1, shape.headDim),
    ],
    flops: dimensionFlops(branch) * shape.heads,
  };
}

/** A channel of attention's output: its column of the projection. The row of v that makes it is read by nothing else. */
function attentionOutputs(branch: Branch<AttentionShape>): UnitGroup {
  const { block, shape, config } = branch;
  const units = shape.heads * shape.headDim;
  return {
    name: `${block}.attn.out`,
    units,
    members: [member(`${block}.attn.proj.weight`, 1, units)],
    idle: { layer: `${block}.attn.qkv`, weights: inputsRead(branch), biases: Number(config.qkvBias) },
  };
}

/** A channel that a layer reads: its column of the weight. */
const inputsOf = (name: string, weight: string, units: number): UnitGroup => ({
  name,
  units,
  members: [member(weight, 1, units)],
});

/** A channel that a layer adds to the residual stream: its row of the weight and its bias. */
const outputsOf = (name: string, layer: string, columns: number, units: number): UnitGroup => ({
  name,
  units,
  members: [member(`${layer}.weight`, columns, units), member(`${layer}.bias`, 1, units)],
});

/** A neuron: its row of fc1, its bias, and its column of fc2. */
function neurons(branch: Branch<MlpShape>): UnitGroup {
  const { block, shape } = branch;
  return {
    name: `${block}.mlp.neuron`,
    units: shape.hidden,
    members: [
      member(`${block}.mlp.fc1.weight`, inputsRead(branch), shape.hidden),
      member(`${block}.mlp.fc1.bias`, 1, shape.hidden),
      member(`${block}.mlp.fc2.weight`, 1, shape.hidden),
    ],
  };
}

/** All weights of a branch. */
function attentionParameters({ block, config }: Branch<AttentionShape>): string[] {
  const parts = ["norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.proj.weight", "attn.proj.bias"];
  return [...parts, ...(config.qkvBias ? ["attn.qkv.bias"] : [])].map((part) => `${block}.${part}`);
}

function mlpParameters({ block }: Branch<MlpShape>): string[] {
  const parts = ["norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias"];
  return parts.map((part) => `${block}.${part}`);
}

/** One unit of whole parameters. */
const whole = (name: string, parameters: readonly string[], flops: number): UnitGroup => ({
  name,
  units: 1,
  members: parameters.map((parameter) => member(parameter, 1, 1)),
  flops,
});

const attentionFlops = (branch: Branch<AttentionShape>): number =>
  dimensionFlops(branch) * branch.shape.heads * branch.shape.headDim;

/**
 * A channel of the residual stream: what writes it, what reads it, and its part of every norm. Norms of a network without it still divide by the
 * dense width, as if it were there and zero.
 */
function channels(config: ViTConfig): UnitGroup[] {
  const { embedDim, inChannels, patchSize, classToken, distilled, blocks, pool, exits = [] } = config;
  const isPartial = blocks.some(({ attention, mlp }) =>
    [attention?.inputs, attention?.outputs, mlp?.inputs, mlp?.outputs].some((indices) => indices !== undefined),
  );
  if (isPartial) return [];
  const vector = (name: string) => member(name, 1, embedDim);
  const rows = (name: string, columns: number) => [member(`${name}.weight`, columns, embedDim), vector(`${name}.bias`)];
  const norm = (name: string) => [vector(`${name}.weight`), vector(`${name}.bias`)];
  const members = [
    ...(classToken ? [vector("cls_token")] : []),
    ...(distilled ? [vector("dist_token")] : []),
    vector("pos_embed"),
    ...rows("patch_embed.proj", inChannels * patchSize ** 2),
    ...blocks.flatMap(({ attention, mlp }, index) => {
      const block = `blocks.${index}`;
      return [
        ...(attention ? [...norm(`${block}.norm1`), vector(`${block}.attn.qkv.weight`)] : []),
        ...(attention ? rows(`${block}.attn.proj`, contextWidth(attention)) : []),
        ...(mlp ? [...norm(`${block}.norm2`), vector(`${block}.mlp.fc1.weight`)] : []),
        ...(mlp ? rows(`${block}.mlp.fc2`, mlp.hidden) : []),
      ];
    }),
    ...norm(pool === "avg" ? "fc_norm" : "norm"),
    vector("head.weight"),
    ...(distilled ? [vector("head_dist.weight")] : []),
    ...exits.flatMap((exit) => [...norm(`exits.${exit}.norm`), vector(`exits.${exit}.head.weight`)]),
  ];
  return [{ name: "embed", units: embedDim, members }];
}

/** Heads and their dimensions are regular only where qkv has all its rows. */
const ifRegular =
  (units: (branch: Branch<AttentionShape>) => UnitGroup) =>
  (branch: Branch<AttentionShape>): UnitGroup[] =>
    branch.shape.qkv ? [] : [units(branch)];

type UnitsOf<S> = (branch: Branch<S>) => UnitGroup[];

const ATTENTION_UNITS: Partial<Record<UnitKind, UnitsOf<AttentionShape>>> = {
  head: ifRegular(heads),
  headDim: ifRegular(headDims),
  "attn.out": ifRegular(attentionOutputs),
  "attn.in": (branch) => [inputsOf(`${branch.block}.attn.in`, `${branch.block}.attn.qkv.weight`, inputsRead(branch))],
  "attn.residual": ({ block, shape, config }) => {
    const units = shape.outputs?.length ?? config.embedDim;
    return [outputsOf(`${block}.attn.residual`, `${block}.attn.proj`, contextWidth(shape), units)];
  },
  attn: (branch) => [whole(`${branch.block}.block.attn`, attentionParameters(branch), attentionFlops(branch))],
};

const MLP_UNITS: Partial<Record<UnitKind, UnitsOf<MlpShape>>> = {
  neuron: (branch) => [neurons(branch)],
  "mlp.in": (branch) => [inputsOf(`${branch.block}.mlp.in`, `${branch.block}.mlp.fc1.weight`, inputsRead(branch))],
  "mlp.residual": ({ block, shape, config }) => {
    const units = shape.outputs?.length ?? config.embedDim;
    return [outputsOf(`${block}.mlp.residual`, `${block}.mlp.fc2`, shape.hidden, units)];
  },
  mlp: (branch) => [whole(`${branch.block}.block.mlp`, mlpParameters(branch), 0)],
};

/** The units of one kind of a ViT; blocks that have none of it are left out. */
export const vitUnits = (config: ViTConfig, kind: UnitKind): UnitGroup[] =>
  kind === "embed" ? channels(config) : encoderUnits(config, blockTokens(config), kind);

/**
 * The units of one kind within an encoder's blocks.
 * @param tokens - of an example, by block
 */
export function encoderUnits(config: EncoderConfig, tokens: readonly BlockTokens[], kind: UnitKind): UnitGroup[] {
  return config.blocks.flatMap(({ attention, mlp }, index) => {
    const block = `blocks.${index}`;
    const attn = attention && { block, shape: attention, config, tokens: tokens[index].attention };
    const feed = mlp && { block, shape: mlp, config, tokens: tokens[index].mlp };
    if (kind === "block" && (attn || feed)) {
      const parameters = [...(attn ? attentionParameters(attn) : []), ...(feed ? mlpParameters(feed) : [])];
      return [whole(`${block}.block`, parameters, attn ? attentionFlops(attn) : 0)];
    }
    return [...(attn ? (ATTENTION_UNITS[kind]?.(attn) ?? []) : []), ...(feed ? (MLP_UNITS[kind]?.(feed) ?? []) : [])];
  });
}
