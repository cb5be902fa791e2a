import { KernelError, ShapeError } from "../../errors.js";
import type { FloatStorage } from "../../kernels/elements.js";
import { matmul } from "../../kernels/matmul.js";
import { reduce, reduceGrad } from "../../kernels/reduce.js";
import type { WeightAs } from "../../kernels/weight-as.js";
import { defineOp } from "../op.js";
import { sizeOf, Tensor } from "../tensor.js";

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
  /** With `weightAs` "square": the weight's gradient is replaced by its path scores w^2 |g|, g the gradient by w^2 (PX, CVPR 2024). */
  readonly gradientAs?: "pathScore";
  /** What y is kept in. Default: as x is; x and weight are both f32 or both f16. */
  readonly storage?: FloatStorage;
}

/** @throws KernelError for attributes that do not go together. */
export function checkWeightAs(op: string, { weightAs, gradientAs }: LinearAttributes): void {
  if (gradientAs === undefined || weightAs === "square") return;
  throw new KernelError(
    `${op}: gradientAs "${gradientAs}": expected weightAs "square", got ${weightAs ?? "none"}; square it`,
  );
}

/** @throws KernelError where the weight counts as something else than itself: such operations have no second derivatives. */
export function refuseTangent(op: string, { weightAs }: LinearAttributes): void {
  if (weightAs === undefined) return;
  throw new KernelError(
    `${op}: second derivatives: expected a weight that counts as itself, got weightAs "${weightAs}"; write the squares or ones out first`,
  );
}

/** y = x (weight * mask)^T + bias. x: [..., in], weight: [out, in], bias: [out], y: [..., out]. @throws ShapeError */
export const linear = defineOp({
  name: "linear",
  forward(
    gpu,
    { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | undefined },
    attributes: LinearAttributes,
  ) {
    checkWeightAs("linear", attributes);
    const { mask, weightAs } = attributes;
    const [n, k] = weight.shape;
    if (weight.shape.length !== 2 || x.shape.at(-1) !== k) {
      throw new ShapeError(
        `linear: expected x [..., in] and weight [out, in], got x [${x.shape}] and weight [${weight.shape}]`,
      );
    }
    if (bias && bias.size !== n) throw new ShapeError(`linear: expected a bias of ${n} values, got [${bias.shape}]`);
    const out = Tensor.empty(gpu, [...x.shape.slice(0, -1), n]);
    matmul(gpu, "nt", { a: x, b: weight, out, bias, mask }, { m: x.size / k, n, k }, { weightAs });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x, weight, bias }, attributes, gradient, needs }) {
    const { mask, denseGradient, weightAs, gradientAs } = attributes;
    const [outputs, inputs] = weight.shape;
    const rows = sizeOf(x.shape) / inputs;
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) {
      const size = { m: rows, n: inputs, k: outputs };
      matmul(gpu, "nn", { a: gradient, b: weight, out: dX, mask }, size, { weightAs });
    }
    const dWeight = needs("weight") && weightAs !== "one" ? Tensor.empty(gpu, weight.shape) : undefined;
    if (dWeight) {
      const kept = denseGradient ? undefined : mask;
      const scored = gradientAs === "pathScore" ? weight : undefined;
      matmul(gpu, "tn", { a: gradient, b: x, out: dWeight, mask: kept, scored }, { m: outputs, n: inputs, k: rows });
    }
    const dBias = bias && needs("bias") ? Tensor.empty(gpu, bias.shape) : undefined;
    if (dBias) reduce(gpu, "sum", { x: gradient, y: dBias }, { outer: rows, length: outputs, inner: 1 });
    return { x: dX, weight: dWeight, bias: dBias };
  },
  tangent: {
    forward({ gpu, inputs: { x, weight }, attributes, out, tangents }) {
      refuseTangent("linear", attributes);
      const { mask, denseGradient } = attributes;
      const [n, k] = weight.shape;
      const size = { m: x.size / k, n, k };
      const { x: xTangent, weight: weightTangent, bias } = tangents;
      const total = Tensor.empty(gpu, out.shape);
      if (!weightTangent) {
        if (xTangent) matmul(gpu, "nt", { a: xTangent, b: weight, out: total, mask, bias }, size);
        else reduceGrad(gpu, "sum", { dy: bias!, dx: total }, { outer: size.m, length: n, inner: 1 });
        return { out: total, saved: undefined };
      }
      const ofX = xTangent && Tensor.empty(gpu, out.shape);
      if (ofX) matmul(gpu, "nt", { a: xTangent, b: weight, out: ofX, mask }, size);
      const operands = { a: x, b: weightTangent, out: total, mask: denseGradient ? undefined : mask };
      matmul(gpu, "nt", { ...operands, bias, residual: ofX }, size);
      if (ofX) gpu.release(ofX);
      return { out: total, saved: undefined };
    },
    backward({ gpu, inputs: { x, weight }, attributes: { mask, denseGradient }, tangents, gradient, needs }) {
      const [outputs, inputs] = weight.shape;
      const rows = x.size / inputs;
      const kept = denseGradient ? undefined : mask;
      const dX = tangents.weight && needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
      if (dX) {
        const operands = { a: gradient, b: tangents.weight!, out: dX, mask: kept };
        matmul(gpu, "nn", operands, { m: rows, n: inputs, k: outputs });
      }
      const dWeight = tangents.x && needs("weight") ? Tensor.empty(gpu, weight.shape) : undefined;
      if (dWeight) {
        const operands = { a: gradient, b: tangents.x!, out: dWeight, mask: kept };
        matmul(gpu, "tn", operands, { m: outputs, n: inputs, k: rows });
      }
      return { x: dX, weight: dWeight };
    },
  },
});
