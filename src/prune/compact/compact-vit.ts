/**
 * Cuts what is zero out of a ViT. What is left computes the same: rows and columns that go only ever add zeros, norms go on dividing by the width that
 * they had, attention goes on scaling as it did.
 */
import type { ViTConfig } from "../../io/config.js";
import { withoutAbsent } from "../../io/json.js";
import { expectedParameters } from "../../io/parameters.js";
import type { FloatTensor } from "../../io/safetensors.js";
import type { AttentionShape, BlockShape, MlpShape } from "../../io/vit-shape.js";
import { denseBranch } from "./branch.js";
import { compactAttention } from "./compact-attention.js";
import { compactMlp } from "./compact-mlp.js";
import { fillGaps } from "./fill-gaps.js";
import { cutMatrix, range, roundedUp } from "./host-matrix.js";

type Weights = ReadonlyMap<string, FloatTensor>;

/** A network and its weights on the host. */
export interface HostModel<C> {
  readonly config: C;
  readonly weights: Map<string, FloatTensor>;
}

/** How a network is cut. */
export interface CompactOptions {
  /**
   * Numbers of kept neurons, dimensions and channels are rounded up to a multiple of this, with zeros that were to go. Default 4: kernels read four values at
   * once where widths allow, which is worth more than the few zeros. 1 leaves none in; some devices like 8 or 16. Zeros also fill the gaps between the
   * columns that a layer writes, where they cost less than a copy of its results to their places; not so with 1.
   */
  readonly roundTo?: number;
}

export const DEFAULT_ROUNDING = 4;

/** Cuts branches, blocks and then channels of the residual stream. Masks must be in the weights, as zeros. */
export function compactViT(
  config: ViTConfig,
  weights: Weights,
  { roundTo = DEFAULT_ROUNDING }: CompactOptions,
): HostModel<ViTConfig> {
  const cut = cutChannels(cutBlocks(config, weights, roundTo), roundTo);
  if (roundTo === 1) return cut;
  const { blocks, embedDim } = cut.config;
  return { ...cut, config: { ...cut.config, blocks: fillGaps(blocks, cut.weights, embedDim) } };
}

function cutBlocks(config: ViTConfig, weights: Weights, roundTo: number): HostModel<ViTConfig> {
  const { embedDim } = config;
  const left = new Map([...weights].filter(([name]) => !name.startsWith("blocks.")));
  const blocks: BlockShape[] = [];
  const kept: number[] = [];
  for (const [index, { attention, mlp, tokens }] of config.blocks.entries()) {
    const block = `blocks.${index}`;
    const dense = { block, embedDim, roundTo };
    const ranks = tokens !== undefined;
    const attn =
      attention && compactAttention(denseBranch<AttentionShape>(weights, { ...dense, shape: attention }), ranks);
    const feed = mlp && compactMlp(denseBranch<MlpShape>(weights, { ...dense, shape: mlp }));
    if (!attn && !feed) continue;
    const norms = [...weights].filter(
      ([name]) => (attn && name.startsWith(`${block}.norm1.`)) || (feed && name.startsWith(`${block}.norm2.`)),
    );
    for (const [name, weight] of [...norms, ...(attn?.weights ?? []), ...(feed?.weights ?? [])]) {
      left.set(name.replace(block, `blocks.${blocks.length}`), weight);
    }
    blocks.push({ ...(attn && { attention: attn.shape }), ...(feed && { mlp: feed.shape }), ...(ranks && { tokens }) });
    kept.push(index);
  }
  return moveExits({ config: { ...config, blocks: blocks.length > 0 ? blocks : [{}] }, weights: left }, kept);
}

/** Exits stay behind the blocks that they were behind, as far as these are left. One with none before it, none after it, or an exit at its new depth goes. */
function moveExits({ config, weights }: HostModel<ViTConfig>, kept: readonly number[]): HostModel<ViTConfig> {
  const { exits, ...rest } = config;
  if (!exits) return { config, weights };
  const left = new Map([...weights].filter(([name]) => !name.startsWith("exits.")));
  const depths = new Map(exits.map((exit) => [kept.filter((block) => block < exit).length, exit]));
  for (const depth of [0, config.blocks.length]) depths.delete(depth);
  for (const [depth, exit] of depths) {
    for (const [name, weight] of weights) {
      if (name.startsWith(`exits.${exit}.`)) left.set(name.replace(`exits.${exit}`, `exits.${depth}`), weight);
    }
  }
  return { config: depths.size > 0 ? { ...rest, exits: [...depths.keys()] } : rest, weights: left };
}

/** How channels lie in a parameter outside of the blocks: along its rows, or along its last axis. */
const isByRow = (name: string): boolean => name.startsWith("patch_embed.");

/** Takes channels out that nothing writes and nothing reads. */
function cutChannels({ config, weights }: HostModel<ViTConfig>, roundTo: number): HostModel<ViTConfig> {
  const { embedDim, blocks } = config;
  const live = new Set<number>();
  const whole = range(embedDim);
  for (const { attention, mlp } of blocks) {
    for (const branch of [attention, mlp]) {
      if (!branch) continue;
      for (const channel of [...(branch.inputs ?? whole), ...(branch.outputs ?? whole)]) live.add(channel);
    }
  }
  const outside = [...weights].filter(([name]) => !name.startsWith("blocks.") && carriesChannels(name));
  for (const [name, { data }] of outside) {
    // What a norm adds to a channel is nothing where no head reads it.
    if (/norm\.(weight|bias)$/.test(name)) continue;
    const inner = isByRow(name) ? data.length / embedDim : 1;
    for (const [index, value] of data.entries()) if (value !== 0) live.add(Math.floor(index / inner) % embedDim);
  }
  const kept = roundedUp([...live], embedDim, roundTo, 1);
  if (kept.length === embedDim) return { config, weights: new Map(weights) };

  const cut = new Map(weights);
  const norms = [...weights].filter(([name]) => /^blocks\.\d+\.norm\d\./.test(name));
  for (const [name, tensor] of [...outside, ...norms]) cut.set(name, keepChannels(name, tensor, kept, embedDim));
  const renumbered = new Map(kept.map((channel, index) => [channel, index]));
  const renumber = (list: readonly number[] | undefined): readonly number[] | undefined => {
    const numbers = (list ?? whole).flatMap((channel) => renumbered.get(channel) ?? []);
    return numbers.length < kept.length ? numbers : undefined;
  };
  const renumberBranch = <S extends AttentionShape | MlpShape>(shape: S): S =>
    withoutAbsent<S>({ ...shape, inputs: renumber(shape.inputs), outputs: renumber(shape.outputs) });
  const shapes = blocks.map(
    ({ attention, mlp, ...tokens }): BlockShape => ({
      ...tokens,
      ...(attention && { attention: renumberBranch(attention) }),
      ...(mlp && { mlp: renumberBranch(mlp) }),
    }),
  );
  return { config: { ...config, embedDim: kept.length, blocks: shapes }, weights: cut };
}

/** Not so for the biases of classifiers. */
const carriesChannels = (name: string): boolean => !/(^|\.)head(_dist)?\.bias$/.test(name);

function keepChannels(
  name: string,
  { shape, data }: FloatTensor,
  kept: readonly number[],
  embedDim: number,
): FloatTensor {
  if (isByRow(name)) {
    const columns = data.length / embedDim;
    return {
      shape: [kept.length, ...shape.slice(1)],
      data: cutMatrix({ weight: data, columns }, kept, range(columns)).data,
    };
  }
  const rows = data.length / embedDim;
  return {
    shape: [...shape.slice(0, -1), kept.length],
    data: cutMatrix({ weight: data, columns: embedDim }, range(rows), kept).data,
  };
}

/** Weights in the order of a config's parameters. */
export const ordered = (config: ViTConfig, weights: Weights): Map<string, FloatTensor> =>
  new Map([...expectedParameters(config).keys()].map((name) => [name, weights.get(name)!]));
