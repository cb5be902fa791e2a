import { KernelError, ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { attentionGrad, attention as attentionKernel } from "../../kernels/attention.js";
import { attentionGradTangent, attentionTangent } from "../../kernels/attention-tangent.js";
import { defineOp, historyEnabled } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";
import { gateOf } from "./gate.js";

/** How attention splits and scales its input. */
export interface AttentionAttributes {
  readonly heads: number;
  /** Factor on q k^T; after cutting head dimensions it stays that of the dense head. Default: headDim ** -0.5. */
  readonly scale?: number;
  /** Each token sees itself and those before it. There are no second derivatives then. Default: false. */
  readonly causal?: boolean;
}

export function sizeOfAttention(qkv: Tensor, { heads, scale }: AttentionAttributes) {
  const [batch, tokens, width] = qkv.shape;
  if (qkv.shape.length !== 3 || width % (3 * heads) !== 0) {
    throw new ShapeError(`attention: expected qkv [batch, tokens, 3 * ${heads} heads * headDim], got [${qkv.shape}]`);
  }
  const headDim = width / (3 * heads);
  return { batch, tokens, heads, headDim, scale: scale ?? headDim ** -0.5 };
}

/** Takes the result times the gates of heads; where nothing else is `wanted` it is the result. */
interface GatedHeads {
  readonly gate: Tensor;
  readonly y: Tensor;
  readonly wanted: "both" | "gated";
}

interface KernelAttributes extends AttentionAttributes {
  readonly gatedHeads?: GatedHeads;
}

const attend = defineOp({
  name: "attention",
  float16: ["qkv"],
  forward(gpu, { qkv, keyGate }: { qkv: Tensor; keyGate: Tensor | undefined }, attributes: KernelAttributes) {
    const { causal, gatedHeads } = attributes;
    const size = sizeOfAttention(qkv, attributes);
    const { batch, tokens, heads, headDim } = size;
    const only = gatedHeads?.wanted === "gated";
    const out = only ? gatedHeads.y : Tensor.empty(gpu, [batch, tokens, heads * headDim], qkv.type);
    const logsumexp = Tensor.empty(gpu, [batch, heads, tokens]);
    if (keyGate && keyGate.size !== tokens) {
      throw new ShapeError(`attention: expected key gates [${tokens}], one a token, got [${keyGate.shape}]`);
    }
    const written = gatedHeads && !only ? { out: gatedHeads.y, ungated: out } : { out };
    const buffers = { qkv, ...written, logsumexp, keyGate, headGate: gatedHeads?.gate };
    attentionKernel(gpu, buffers, size, { causal, ...storageOf(qkv) });
    return { out, saved: { logsumexp } };
  },
  backward({ gpu, inputs: { qkv, keyGate }, attributes, saved: { logsumexp }, out, gradient, needs }) {
    const dQkv = Tensor.empty(gpu, qkv.shape);
    const dKeyGate = keyGate && needs("keyGate") ? Tensor.empty(gpu, keyGate.shape) : undefined;
    const buffers = { qkv, out, logsumexp, keyGate, dOut: gradient, dQkv, dKeyGate };
    attentionGrad(gpu, buffers, sizeOfAttention(qkv, attributes), { causal: attributes.causal });
    return { qkv: dQkv, keyGate: dKeyGate };
  },
  tangent: {
    forward({ gpu, inputs: { qkv, keyGate }, attributes, saved: { logsumexp }, out, tangents }) {
      refuseCausal(attributes);
      using scope = gpu.scope();
      const outTangent = scope.promote(Tensor.empty(gpu, out.shape));
      const logsumexpTangent = scope.promote(Tensor.empty(gpu, logsumexp.shape));
      const moving = tangentsOrZeros(gpu, qkv, keyGate, tangents);
      const buffers = { qkv, out, logsumexp, keyGate, ...moving, outTangent, logsumexpTangent };
      attentionTangent(gpu, buffers, sizeOfAttention(qkv, attributes));
      return { out: outTangent, saved: { logsumexpTangent } };
    },
    backward(context) {
      const { gpu, inputs, attributes, saved, out, tangents, outTangent, savedTangent, gradient, needs } = context;
      const { qkv, keyGate } = inputs;
      using scope = gpu.scope();
      const dQkv = scope.promote(Tensor.empty(gpu, qkv.shape));
      const dKeyGate = keyGate && needs("keyGate") ? scope.promote(Tensor.empty(gpu, keyGate.shape)) : undefined;
      const moving = { ...tangentsOrZeros(gpu, qkv, keyGate, tangents), outTangent, ...savedTangent };
      const buffers = { ...inputs, ...saved, out, ...moving, dOut: gradient, dQkv, dKeyGate };
      attentionGradTangent(gpu, buffers, sizeOfAttention(qkv, attributes));
      return { qkv: dQkv, keyGate: dKeyGate };
    },
  },
});

function refuseCausal({ causal }: AttentionAttributes): void {
  if (!causal) return;
  throw new KernelError(
    "attention: second derivatives: expected attention of all tokens, got causal order; use first-order methods",
  );
}

function tangentsOrZeros(
  gpu: Gpu,
  qkv: Tensor,
  keyGate: Tensor | undefined,
  tangents: { readonly qkv?: Tensor; readonly keyGate?: Tensor },
) {
  return {
    qkvTangent: tangents.qkv ?? Tensor.zeros(gpu, qkv.shape),
    keyGateTangent: keyGate && (tangents.keyGate ?? Tensor.zeros(gpu, keyGate.shape)),
  };
}

/**
 * softmax(scale q k^T) v by head. qkv: [batch, tokens, 3, heads, headDim] flattened to three axes; result: [batch, tokens, heads * headDim].
 * keyGate [tokens] multiplies the share of each token as a key before the shares are divided by their sum; headGate [heads] multiplies what a head gives, as
 * `gate` would behind it, in the same kernel. @throws ShapeError
 */
export function attention(qkv: Tensor, attributes: AttentionAttributes, keyGate?: Tensor, headGate?: Tensor): Tensor {
  const inputs = { qkv, keyGate };
  if (!headGate) return attend(inputs, attributes);
  const { batch, tokens, heads, headDim } = sizeOfAttention(qkv, attributes);
  if (headGate.size !== heads) {
    throw new ShapeError(`attention: expected head gates [${heads}], one a head, got [${headGate.shape}]`);
  }
  const y = Tensor.empty(qkv.gpu, [batch, tokens, heads * headDim], qkv.type);
  const gated = (wanted: GatedHeads["wanted"]) => ({ ...attributes, gatedHeads: { gate: headGate, y, wanted } });
  const tracked = historyEnabled() && [qkv, keyGate, headGate].some((input) => input?.tracked);
  // What the gate was given is only kept where a derivative is wanted.
  if (!tracked) return attend(inputs, gated("gated"));
  return gateOf(attend(inputs, gated("both")), headGate, headDim, y);
}
