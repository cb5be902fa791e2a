import { ShapeError } from "../../errors.js";
import { matmul } from "../../kernels/matmul.js";
import { reduce } from "../../kernels/reduce.js";
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
});
