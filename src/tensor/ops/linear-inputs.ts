/** What a linear layer and its derivatives are told. */
import { ShapeError } from "../../errors.js";
import type { FloatStorage } from "../../kernels/elements.js";
import type { WeightAs } from "../../kernels/weight-as.js";
import { requireOneType, type Shape, sizeOf, type Tensor } from "../tensor.js";

/** How a linear layer's weight takes part, and what its gradient is. */
export interface LinearAttributes {
  /** Bits over the weight, 1 = keep (u32 words): the weight that takes part is weight * mask. */
  readonly mask?: Tensor;
  /** Gradient with respect to weight * mask for every weight, the removed ones too (SNIP and PX may revive weights). */
  readonly denseGradient?: boolean;
  /**
   * What the weight's elements count as where they are read, before the mask; by default themselves. "square": the weight's gradient is that by the
   * squares. "one": no gradient goes to the weight, and without a mask it is not read. There are no second derivatives with either.
   */
  readonly weightAs?: WeightAs;
  /** What y is kept in. Default: as x is; x and weight are both f32 or both f16. */
  readonly storage?: FloatStorage;
}

/** Operands of `linear`: x [..., in], weight [out, in], bias [out], and what is added, [..., out]. */
export type LinearInputs = {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly residual?: Tensor;
};

/** [..., out]. @throws ShapeError where the operands do not fit each other. */
export function shapeOfResult({ x, weight, bias, residual }: LinearInputs): Shape {
  requireOneType("linear", { x, weight, ...(residual && { residual }) });
  const [n, k] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.at(-1) !== k) {
    throw new ShapeError(
      `linear: expected x [..., in] and weight [out, in], got x [${x.shape}] and weight [${weight.shape}]`,
    );
  }
  if (bias && bias.size !== n) throw new ShapeError(`linear: expected a bias of ${n} values, got [${bias.shape}]`);
  const shape = [...x.shape.slice(0, -1), n];
  if (residual && residual.size !== sizeOf(shape))
    throw new ShapeError(`linear: expected a residual [${shape}], got [${residual.shape}]`);
  return shape;
}
