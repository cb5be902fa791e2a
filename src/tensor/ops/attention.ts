import { attentionGrad, attention as attentionKernel } from "../../kernels/attention.js";
import { gateGradient } from "../../kernels/gate.js";
import { defineOp } from "../op.js";
import { historyEnabled } from "../tape.js";
import { storageOf, Tensor } from "../tensor.js";
import {
  type AttentionAttributes,
  type AttentionInputs,
  checkGates,
  headUnits,
  sizeOfAttention,
} from "./attention-inputs.js";
import { tangentOfAttention } from "./attention-tangent.js";

interface KernelAttributes extends AttentionAttributes {
  /** Whether the result before the gates of heads is kept for derivatives. */
  readonly differentiated: boolean;
}

const attend = defineOp({
  name: "attention",
  float16: ["qkv"],
  forward(gpu, { qkv, ...gates }: AttentionInputs, { differentiated, ...attributes }: KernelAttributes) {
    const size = sizeOfAttention(qkv, attributes);
    const { batch, tokens, heads, headDim } = size;
    checkGates({ qkv, ...gates }, size);
    const result = () => Tensor.empty(gpu, [batch, tokens, heads * headDim], qkv.type);
    const out = result();
    const ungated = gates.headGate && differentiated ? result() : undefined;
    const logsumexp = Tensor.empty(gpu, [batch, heads, tokens]);
    const options = { causal: attributes.causal, ...storageOf(qkv) };
    attentionKernel(gpu, { qkv, ...gates, out, ungated, logsumexp }, size, options);
    return { out, saved: { mixed: ungated ?? out, logsumexp } };
  },
  backward({ gpu, inputs, attributes, saved: { mixed, logsumexp }, gradient, needs }) {
    const { qkv, keyGate, headGate } = inputs;
    const size = sizeOfAttention(qkv, attributes);
    const dHeadGate = headGate && needs("headGate") ? Tensor.empty(gpu, headGate.shape) : undefined;
    if (dHeadGate && !needs("qkv") && !needs("keyGate")) {
      gateGradient(gpu, { x: mixed, dy: gradient, dg: dHeadGate }, headUnits(mixed, size));
      return { headGate: dHeadGate };
    }
    const dQkv = Tensor.empty(gpu, qkv.shape);
    const dKeyGate = keyGate && needs("keyGate") ? Tensor.empty(gpu, keyGate.shape) : undefined;
    const buffers = { ...inputs, out: mixed, logsumexp, dOut: gradient, dQkv, dKeyGate, dHeadGate };
    attentionGrad(gpu, buffers, size, { causal: attributes.causal });
    return { qkv: dQkv, keyGate: dKeyGate, headGate: dHeadGate };
  },
  tangent: tangentOfAttention,
});

/**
 * softmax(scale q k^T) v by head. qkv: [batch, tokens, 3, heads, headDim] flattened to three axes; result: [batch, tokens, heads * headDim].
 * keyGate [tokens] multiplies the share of each token as a key before the shares are divided by their sum; headGate [heads] multiplies what a head gives, as
 * `gate` would behind it. @throws ShapeError
 */
export function attention(qkv: Tensor, attributes: AttentionAttributes, keyGate?: Tensor, headGate?: Tensor): Tensor {
  const differentiated = historyEnabled() && [qkv, keyGate, headGate].some((input) => input?.tracked);
  return attend({ qkv, keyGate, headGate }, { ...attributes, differentiated });
}
