import { ShapeError } from "../../errors.js";
import { matmul } from "../../kernels/matmul.js";
import { reduce, reduceGrad } from "../../kernels/reduce.js";
import { defineOp } from "../op.js";
import { sizeOf, Tensor } from "../tensor.js";

/** The mask over a linear layer's weight. */
export interface LinearAttributes {
  /** Bits over the weight, 1 = keep (u32 words): the weight that takes part is weight * mask. */
  readonly mask?: Tensor;
  /** Gradient with respect to weight * mask for every weight, the removed ones too (SNIP and PX may revive weights). */
  readonly denseGradient?: boolean;
}

/** y = x (weight * mask)^T + bias. x: [..., in], weight: [out, in], bias: [out], y: [..., out]. @throws ShapeError */
export const linear = defineOp({
  name: "linear",
  forward(
    gpu,
    { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | undefined },
    { mask }: LinearAttributes,
  ) {
    const [n, k] = weight.shape;
    if (weight.shape.length !== 2 || x.shape.at(-1) !== k) {
      throw new ShapeError(
        `linear: expected x [..., in] and weight [out, in], got x [${x.shape}] and weight [${weight.shape}]`,
      );
    }
    if (bias && bias.size !== n) throw new ShapeError(`linear: expected a bias of ${n} values, got [${bias.shape}]`);
    const out = Tensor.empty(gpu, [...x.shape.slice(0, -1), n]);
    matmul(gpu, "nt", { a: x, b: weight, out, bias, mask }, { m: x.size / k, n, k });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x, weight, bias }, attributes: { mask, denseGradient }, gradient, needs }) {
    const [outputs, inputs] = weight.shape;
    const rows = sizeOf(x.shape) / inputs;
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) matmul(gpu, "nn", { a: gradient, b: weight, out: dX, mask }, { m: rows, n: inputs, k: outputs });
    const dWeight = needs("weight") ? Tensor.empty(gpu, weight.shape) : undefined;
    if (dWeight) {
      const kept = denseGradient ? undefined : mask;
      matmul(gpu, "tn", { a: gradient, b: x, out: dWeight, mask: kept }, { m: outputs, n: inputs, k: rows });
    }
    const dBias = bias && needs("bias") ? Tensor.empty(gpu, bias.shape) : undefined;
    if (dBias) reduce(gpu, "sum", { x: gradient, y: dBias }, { outer: rows, length: outputs, inner: 1 });
    return { x: dX, weight: dWeight, bias: dBias };
  },
  tangent: {
    forward({ gpu, inputs: { x, weight }, attributes: { mask, denseGradient }, out, tangents }) {
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
