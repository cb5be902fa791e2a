/**
 * One pre-norm transformer block with its gates: x + attn(norm1(x)), then x + mlp(norm2(x)). In a block that was cut, matrices read some channels and add
 * to some; the residual stream between them keeps its width. Between its branches a block may leave out the tokens that the class token attends to least.
 */
import type { Gpu } from "../gpu/index.js";
import type { EncoderConfig } from "../io/config.js";
import type { BlockShape } from "../io/vit-shape.js";
import {
  type ColumnMap,
  classAttention,
  keepTokens,
  spreadColumns,
  type Tensor,
  takeColumns,
  takeTokens,
} from "../tensor/index.js";
import type { Pass } from "./pass.js";
import { type BlockColumns, blockColumns, releaseColumns } from "./vit-columns.js";

/** What a block is made of, besides its parameters. */
export interface EncoderBlock {
  readonly config: EncoderConfig;
  readonly index: number;
  readonly shape: BlockShape;
  readonly columns: BlockColumns;
  /** Each token attends to itself and those before it. Default: to all. */
  readonly causal?: boolean;
  /** Tokens in front that no block leaves out, the class token first. Default: none. */
  readonly prefixTokens?: number;
}

type EncoderOptions = Pick<EncoderBlock, "causal" | "prefixTokens">;

/** The blocks of an encoder; `releaseBlocks` gives back what they hold. */
export const encoderBlocks = (gpu: Gpu, config: EncoderConfig, options: EncoderOptions = {}) =>
  config.blocks.map((shape, index): EncoderBlock => {
    return { config, index, shape, columns: blockColumns(gpu, shape, config.embedDim), ...options };
  });

export function releaseBlocks(blocks: readonly EncoderBlock[]): void {
  for (const { columns } of blocks) releaseColumns(columns);
}

const take = (x: Tensor, map: ColumnMap | undefined): Tensor => (map ? takeColumns(x, map) : x);
const spread = (x: Tensor, map: ColumnMap | undefined): Tensor => (map ? spreadColumns(x, map) : x);

/** Stochastic depth grows linearly from 0 at the first block to the configured rate at the last. */
const dropPathRate = ({ dropPathRate: rate, blocks }: EncoderConfig, index: number): number =>
  blocks.length > 1 ? (rate * index) / (blocks.length - 1) : 0;

/** Residual branches are dropped by element, then by example, then gated. */
function finishBranch(branch: Tensor, { config, index }: EncoderBlock, pass: Pass, site: string): Tensor {
  const dropped = pass.dropPath(pass.dropout(branch, config.projDropRate), dropPathRate(config, index));
  return pass.gate(dropped, `blocks.${index}.${site}`, `blocks.${index}.block`);
}

/** The channels of a normed residual stream that a branch reads. */
function branchInput(
  x: Tensor,
  { norm, columns, gate }: { norm: string; columns: ColumnMap | undefined; gate: string },
  { config, index }: EncoderBlock,
  pass: Pass,
): Tensor {
  const layer = `blocks.${index}.${norm}`;
  const some = columns && pass.normedColumns(x, layer, config, { columns, gates: ["embed"] });
  const read = some ?? take(pass.gate(pass.layerNorm(x, layer, config), "embed"), columns);
  return pass.gate(read, `blocks.${index}.${gate}`);
}

/** Packed q, k and v of normed tokens. */
function packedRows(x: Tensor, block: EncoderBlock, pass: Pass): Tensor {
  const { index, columns } = block;
  const name = `blocks.${index}`;
  const read = branchInput(x, { norm: "norm1", columns: columns.attentionInputs, gate: "attn.in" }, block, pass);
  const rows = pass.gated(read, `${name}.attn.qkv`, `${name}.attn.qkvHead`, `${name}.attn.headDim`);
  return spread(rows, columns.qkv);
}

/** The end of a branch: its last layer, which channels that adds to, and the places of its gate and of the branch's. */
interface BranchEnd {
  readonly layer: string;
  readonly columns?: ColumnMap;
  readonly gate?: string;
  readonly site: string;
}

/** x plus a branch whose last layer reads y. */
export function addBranch(x: Tensor, y: Tensor, end: BranchEnd, block: EncoderBlock, pass: Pass): Tensor {
  const { config, index } = block;
  const name = `blocks.${index}`;
  const layer = `${name}.${end.layer}`;
  const gates = end.gate ? [`${name}.${end.gate}`] : [];
  const drops = pass.training && (config.projDropRate > 0 || config.dropPathRate > 0);
  const direct = !end.columns && !drops;
  const sum = direct && pass.linearOnto(x, y, layer, [...gates, `${name}.${end.site}`, `${name}.block`]);
  if (sum) return sum;
  const out = spread(pass.gated(y, layer, ...gates), end.columns);
  return pass.residual(x, finishBranch(out, block, pass, end.site));
}

/** x plus its attention branch, where the block has one. x: [batch, tokens, width]; the result has the same shape, or has the tokens that go on. */
export function attended(x: Tensor, block: EncoderBlock, pass: Pass): Tensor {
  const { attention, tokens: kept } = block.shape;
  if (!attention) return x;
  const { columns, causal } = block;
  const name = `blocks.${block.index}`;
  const qkv = packedRows(x, block, pass);
  const { heads, scale } = attention;
  const mixed = pass.attention(qkv, { heads, scale, causal }, `${name}.attn`);
  const context = take(pass.gate(mixed, `${name}.attn.out`), columns.context);
  const { attentionOutputs } = columns;
  const end = { layer: "attn.proj", columns: attentionOutputs, gate: "attn.residual", site: "block.attn" };
  const sum = addBranch(x, context, end, block, pass);
  if (kept === undefined) return sum;
  return takeTokens(sum, keepTokens(classAttention(qkv, attention), { prefixTokens: block.prefixTokens ?? 0, kept }));
}

/** x plus its MLP branch, where the block has one. x: [batch, tokens, width]; the result has the same shape. */
export function fedForward(x: Tensor, block: EncoderBlock, pass: Pass): Tensor {
  if (!block.shape.mlp) return x;
  const { config, columns } = block;
  const name = `blocks.${block.index}`;
  const read = branchInput(x, { norm: "norm2", columns: columns.mlpInputs, gate: "mlp.in" }, block, pass);
  const activation = { kind: config.activation, gates: [`${name}.mlp.hidden`], place: `${name}.mlp.neuron` };
  const neurons = pass.dropout(pass.activated(read, `${name}.mlp.fc1`, activation), config.projDropRate);
  const end = { layer: "mlp.fc2", columns: columns.mlpOutputs, gate: "mlp.residual", site: "block.mlp" };
  return addBranch(x, neurons, end, block, pass);
}

/** x: [batch, tokens, width]; the result has the same shape, or has the tokens that go on. */
export const vitBlock = (x: Tensor, block: EncoderBlock, pass: Pass): Tensor =>
  fedForward(attended(x, block, pass), block, pass);
