/** One pre-norm transformer block with its gates: x + attn(norm1(x)), then x + mlp(norm2(x)). */
import type { ViTConfig } from "../io/config.js";
import { activation, add, attention, type Tensor } from "../tensor/index.js";
import type { Gates } from "./gates.js";
import { layerNormLayer, linearLayer } from "./layers.js";
import type { Parameters } from "./parameter.js";
import type { TrainingPass } from "./training.js";

export interface BlockContext {
  readonly config: ViTConfig;
  readonly parameters: Parameters;
  readonly gates: Gates;
  readonly training: TrainingPass | undefined;
}

/** Stochastic depth grows linearly from 0 at the first block to the configured rate at the last. */
const dropPathRate = ({ dropPathRate: rate, depth }: ViTConfig, index: number): number =>
  depth > 1 ? (rate * index) / (depth - 1) : 0;

/** Residual branches are dropped by element, then by example, then gated. */
function finishBranch(branch: Tensor, { config, gates, training }: BlockContext, index: number, site: string): Tensor {
  const dropped = training
    ? training.dropPath(training.dropout(branch, config.projDropRate), dropPathRate(config, index))
    : branch;
  return gates.apply(dropped, `blocks.${index}.${site}`, `blocks.${index}.block`);
}

function attentionBranch(x: Tensor, context: BlockContext, index: number): Tensor {
  const { config, parameters, gates } = context;
  const block = `blocks.${index}`;
  const normed = gates.apply(
    layerNormLayer(x, parameters, `${block}.norm1`, config.normEps),
    "embed",
    `${block}.attn.in`,
  );
  const qkv = gates.apply(linearLayer(normed, parameters, `${block}.attn.qkv`), `${block}.attn.headDim`);
  const heads = attention(qkv, { heads: config.numHeads }, gates.get("token"));
  const gated = gates.apply(heads, `${block}.attn.head`, `${block}.attn.out`);
  return finishBranch(linearLayer(gated, parameters, `${block}.attn.proj`), context, index, "block.attn");
}

function mlpBranch(x: Tensor, context: BlockContext, index: number): Tensor {
  const { config, parameters, gates, training } = context;
  const block = `blocks.${index}`;
  const normed = gates.apply(
    layerNormLayer(x, parameters, `${block}.norm2`, config.normEps),
    "embed",
    `${block}.mlp.in`,
  );
  const active = activation(linearLayer(normed, parameters, `${block}.mlp.fc1`), config.activation);
  const neurons = gates.apply(active, `${block}.mlp.neuron`);
  const dropped = training ? training.dropout(neurons, config.projDropRate) : neurons;
  return finishBranch(linearLayer(dropped, parameters, `${block}.mlp.fc2`), context, index, "block.mlp");
}

/** x: [batch, tokens, width]; the result has the same shape. */
export function vitBlock(x: Tensor, context: BlockContext, index: number): Tensor {
  const attended = add(x, attentionBranch(x, context, index));
  return add(attended, mlpBranch(attended, context, index));
}
