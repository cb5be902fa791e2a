/**
 * Second derivatives of attention. With g the gates of heads and y the result before them, the tangent of g y; and how dy = g dOut, from which the
 * gradients by qkv and the gates of keys follow, and dg = y dOut change.
 */
import { KernelError } from "../../errors.js";
import { attentionGrad } from "../../kernels/attention.js";
import { attentionGradTangent, attentionTangent } from "../../kernels/attention-tangent.js";
import { gate, gateGradient } from "../../kernels/gate.js";
import type { ByInput, TangentDefinition } from "../op.js";
import { Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";
import {
  type AttentionAttributes,
  type AttentionInputs,
  headUnits,
  type SavedAttention,
  sizeOfAttention,
} from "./attention-inputs.js";

/** Tangents of the result before the gates of heads, and of the logarithms of its sums; none where only these gates move. */
interface MixedTangents {
  readonly outTangent: Tensor;
  readonly logsumexpTangent: Tensor;
}

type Definition = TangentDefinition<AttentionInputs, AttentionAttributes, SavedAttention, MixedTangents | undefined>;

export const tangentOfAttention: Definition = {
  forward({ gpu, inputs, attributes, saved: { mixed, logsumexp }, tangents }) {
    const { headGate } = inputs;
    const size = sizeOfAttention(inputs.qkv, attributes);
    using scope = gpu.scope();
    let moved: MixedTangents | undefined;
    if (tangents.qkv || tangents.keyGate) {
      refuseCausal(attributes);
      const [outTangent, logsumexpTangent] = [mixed, logsumexp].map(({ shape }) => {
        return scope.promote(Tensor.empty(gpu, shape));
      });
      moved = { outTangent, logsumexpTangent };
      attentionTangent(gpu, { ...inputs, out: mixed, logsumexp, ...movingOperands(inputs, tangents), ...moved }, size);
    }
    if (!headGate) return { out: moved!.outTangent, saved: moved };
    const ofMixed = moved && gated(moved.outTangent, headGate, size);
    const ofGate = tangents.headGate && gated(mixed, tangents.headGate, size);
    return { out: scope.promote(addTerms(ofMixed, ofGate)), saved: moved };
  },
  backward({ gpu, inputs, attributes, saved, tangents, savedTangent: moved, gradient, needs }) {
    const { qkv, keyGate, headGate } = inputs;
    const size = sizeOfAttention(qkv, attributes);
    const before = { qkv, keyGate, logsumexp: saved.logsumexp, out: saved.mixed };
    using scope = gpu.scope();
    const gradients = () => ({
      dQkv: Tensor.empty(gpu, qkv.shape),
      dKeyGate: keyGate && needs("keyGate") ? Tensor.empty(gpu, keyGate.shape) : undefined,
    });
    const behind = needs("qkv") || needs("keyGate");
    const ofMixed = behind && moved ? gradients() : undefined;
    if (moved && ofMixed) {
      const dOut = headGate ? gated(gradient, headGate, size) : gradient;
      attentionGradTangent(gpu, { ...before, ...movingOperands(inputs, tangents), ...moved, dOut, ...ofMixed }, size);
    }
    const ofGate = behind && tangents.headGate ? gradients() : undefined;
    if (ofGate) {
      const buffers = { ...before, headGate: tangents.headGate, dOut: gradient, ...ofGate };
      attentionGrad(gpu, buffers, size, { causal: attributes.causal });
    }
    const dHeadGate = headGate && moved && needs("headGate") ? Tensor.empty(gpu, headGate.shape) : undefined;
    if (moved && dHeadGate) {
      gateGradient(gpu, { x: moved.outTangent, dy: gradient, dg: dHeadGate }, headUnits(saved.mixed, size));
    }
    const kept = (...terms: (Tensor | undefined)[]) =>
      terms.some((term) => term) ? scope.promote(addTerms(...terms)) : undefined;
    return {
      qkv: kept(ofMixed?.dQkv, ofGate?.dQkv),
      keyGate: kept(ofMixed?.dKeyGate, ofGate?.dKeyGate),
      headGate: kept(dHeadGate),
    };
  },
};

function refuseCausal({ causal }: AttentionAttributes): void {
  if (!causal) return;
  throw new KernelError(
    "attention: second derivatives: expected attention of all tokens, got causal order; use first-order methods",
  );
}

/** Zeros for what stays. */
function movingOperands({ qkv, keyGate }: AttentionInputs, tangents: ByInput<AttentionInputs>) {
  return {
    qkvTangent: tangents.qkv ?? Tensor.zeros(qkv.gpu, qkv.shape),
    keyGateTangent: keyGate && (tangents.keyGate ?? Tensor.zeros(qkv.gpu, keyGate.shape)),
  };
}

/** x, shaped as the result, times factors of heads. */
function gated(x: Tensor, g: Tensor, size: { heads: number; headDim: number }): Tensor {
  const y = Tensor.empty(x.gpu, x.shape);
  gate(x.gpu, { x, g, y }, headUnits(x, size));
  return y;
}
