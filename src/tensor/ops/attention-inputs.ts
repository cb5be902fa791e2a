/** What attention's forward pass and its derivatives are told. */
import { ShapeError } from "../../errors.js";
import type { UnitLayout } from "../../kernels/units.js";
import type { Tensor } from "../tensor.js";

/** How attention splits and scales its input. */
export interface AttentionAttributes {
  readonly heads: number;
  /** Factor on q k^T; after cutting head dimensions it stays that of the dense head. Default: headDim ** -0.5. */
  readonly scale?: number;
  /** Each token sees itself and those before it. There are no second derivatives then. Default: false. */
  readonly causal?: boolean;
}

/** Operands of attention: qkv [batch, tokens, 3 * heads * headDim], gates of tokens as keys, [tokens], and of heads, [heads]. */
export type AttentionInputs = {
  readonly qkv: Tensor;
  readonly keyGate: Tensor | undefined;
  readonly headGate: Tensor | undefined;
};

/** What the forward pass keeps: the result before the gates of heads, and the logarithms of its sums. */
export interface SavedAttention {
  readonly mixed: Tensor;
  readonly logsumexp: Tensor;
}

/** @throws ShapeError where qkv cannot be split. */
export function sizeOfAttention(qkv: Tensor, { heads, scale }: AttentionAttributes) {
  const [batch, tokens, width] = qkv.shape;
  if (qkv.shape.length !== 3 || width % (3 * heads) !== 0) {
    throw new ShapeError(`attention: expected qkv [batch, tokens, 3 * ${heads} heads * headDim], got [${qkv.shape}]`);
  }
  const headDim = width / (3 * heads);
  return { batch, tokens, heads, headDim, scale: scale ?? headDim ** -0.5 };
}

/** @throws ShapeError where there are more or fewer gates than tokens or heads. */
export function checkGates(
  { keyGate, headGate }: AttentionInputs,
  { tokens, heads }: { tokens: number; heads: number },
): void {
  if (keyGate && keyGate.size !== tokens) {
    throw new ShapeError(`attention: expected key gates [${tokens}], one a token, got [${keyGate.shape}]`);
  }
  if (headGate && headGate.size !== heads) {
    throw new ShapeError(`attention: expected head gates [${heads}], one a head, got [${headGate.shape}]`);
  }
}

/** The heads in attention's result. */
export const headUnits = ({ size }: Tensor, { heads, headDim }: { heads: number; headDim: number }): UnitLayout => {
  return { length: size, inner: headDim, period: heads };
};
