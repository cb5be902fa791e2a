/** One pre-norm transformer block with its gates: x + attn(norm1(x)), then x + mlp(norm2(x)). */
import type { ViTConfig } from "../io/config.js";
import type { Tensor } from "../tensor/index.js";
import type { Pass } from "./pass.js";

/** Stochastic depth grows linearly from 0 at the first block to the configured rate at the last. */
const dropPathRate = ({ dropPathRate: rate, depth }: ViTConfig, index: number): number =>
  depth > 1 ? (rate * index) / (depth - 1) : 0;

/** Residual branches are dropped by element, then by example, then gated. */
function finishBranch(branch: Tensor, config: ViTConfig, pass: Pass, index: number, site: string): Tensor {
  const dropped = pass.dropPath(pass.dropout(branch, config.projDropRate), dropPathRate(config, index));
  return pass.gate(dropped, `blocks.${index}.${site}`, `blocks.${index}.block`);
}

function attentionBranch(x: Tensor, config: ViTConfig, pass: Pass, index: number): Tensor {
  const block = `blocks.${index}`;
  const normed = pass.gate(pass.layerNorm(x, `${block}.norm1`, config.normEps), "embed", `${block}.attn.in`);
  const qkv = pass.gate(pass.linear(normed, `${block}.attn.qkv`), `${block}.attn.headDim`);
  const heads = pass.attention(qkv, { heads: config.numHeads }, `${block}.attn`);
  const gated = pass.gate(heads, `${block}.attn.head`, `${block}.attn.out`);
  return finishBranch(pass.linear(gated, `${block}.attn.proj`), config, pass, index, "block.attn");
}

function mlpBranch(x: Tensor, config: ViTConfig, pass: Pass, index: number): Tensor {
  const block = `blocks.${index}`;
  const normed = pass.gate(pass.layerNorm(x, `${block}.norm2`, config.normEps), "embed", `${block}.mlp.in`);
  const hidden = pass.gate(pass.linear(normed, `${block}.mlp.fc1`), `${block}.mlp.hidden`);
  const active = pass.activate(hidden, config.activation, `${block}.mlp.neuron`);
  const neurons = pass.dropout(pass.gate(active, `${block}.mlp.neuron`), config.projDropRate);
  return finishBranch(pass.linear(neurons, `${block}.mlp.fc2`), config, pass, index, "block.mlp");
}

/** x: [batch, tokens, width]; the result has the same shape. */
export function vitBlock(x: Tensor, config: ViTConfig, pass: Pass, index: number): Tensor {
  const attended = pass.residual(x, attentionBranch(x, config, pass, index));
  return pass.residual(attended, mlpBranch(attended, config, pass, index));
}
