/**
 * One pre-norm transformer block with its gates: x + attn(norm1(x)), then x + mlp(norm2(x)). In a block that was cut, matrices read some channels and add
 * to some; the residual stream between them keeps its width.
 */
import type { ViTConfig } from "../io/config.js";
import type { AttentionShape, BlockShape } from "../io/vit-shape.js";
import { type ColumnMap, spreadColumns, type Tensor, takeColumns } from "../tensor/index.js";
import type { Pass } from "./pass.js";
import type { BlockColumns } from "./vit-columns.js";

/** What a block is made of, besides its parameters. */
export interface ViTBlock {
  readonly config: ViTConfig;
  readonly index: number;
  readonly shape: BlockShape;
  readonly columns: BlockColumns;
}

const take = (x: Tensor, map: ColumnMap | undefined): Tensor => (map ? takeColumns(x, map) : x);
const spread = (x: Tensor, map: ColumnMap | undefined): Tensor => (map ? spreadColumns(x, map) : x);

/** Stochastic depth grows linearly from 0 at the first block to the configured rate at the last. */
const dropPathRate = ({ dropPathRate: rate, blocks }: ViTConfig, index: number): number =>
  blocks.length > 1 ? (rate * index) / (blocks.length - 1) : 0;

/** Residual branches are dropped by element, then by example, then gated. */
function finishBranch(branch: Tensor, { config, index }: ViTBlock, pass: Pass, site: string): Tensor {
  const dropped = pass.dropPath(pass.dropout(branch, config.projDropRate), dropPathRate(config, index));
  return pass.gate(dropped, `blocks.${index}.${site}`, `blocks.${index}.block`);
}

function attentionBranch(x: Tensor, { heads, scale }: AttentionShape, block: ViTBlock, pass: Pass): Tensor {
  const { config, columns } = block;
  const name = `blocks.${block.index}`;
  const normed = pass.gate(pass.layerNorm(x, `${name}.norm1`, config), "embed");
  const read = pass.gate(take(normed, columns.attentionInputs), `${name}.attn.in`);
  const rows = pass.linear(read, `${name}.attn.qkv`);
  const qkv = spread(pass.gate(rows, `${name}.attn.qkv`, `${name}.attn.headDim`), columns.qkv);
  const mixed = pass.attention(qkv, { heads, scale }, `${name}.attn`);
  const context = take(pass.gate(mixed, `${name}.attn.head`, `${name}.attn.out`), columns.context);
  const written = pass.gate(pass.linear(context, `${name}.attn.proj`), `${name}.attn.proj`);
  const out = spread(written, columns.attentionOutputs);
  return finishBranch(out, block, pass, "block.attn");
}

function mlpBranch(x: Tensor, block: ViTBlock, pass: Pass): Tensor {
  const { config, columns } = block;
  const name = `blocks.${block.index}`;
  const normed = pass.gate(pass.layerNorm(x, `${name}.norm2`, config), "embed");
  const read = pass.gate(take(normed, columns.mlpInputs), `${name}.mlp.in`);
  const hidden = pass.gate(pass.linear(read, `${name}.mlp.fc1`), `${name}.mlp.hidden`);
  const active = pass.activate(hidden, config.activation, `${name}.mlp.neuron`);
  const neurons = pass.dropout(pass.gate(active, `${name}.mlp.neuron`), config.projDropRate);
  const written = pass.gate(pass.linear(neurons, `${name}.mlp.fc2`), `${name}.mlp.fc2`);
  const out = spread(written, columns.mlpOutputs);
  return finishBranch(out, block, pass, "block.mlp");
}

/** x: [batch, tokens, width]; the result has the same shape. */
export function vitBlock(x: Tensor, block: ViTBlock, pass: Pass): Tensor {
  const { attention, mlp } = block.shape;
  const attended = attention ? pass.residual(x, attentionBranch(x, attention, block, pass)) : x;
  return mlp ? pass.residual(attended, mlpBranch(attended, block, pass)) : attended;
}
