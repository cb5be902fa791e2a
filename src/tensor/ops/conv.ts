import { ShapeError } from "../../errors.js";
import { type Conv2dSize, conv2dInputGrad, conv2d as conv2dKernel, conv2dWeightGrad } from "../../kernels/conv.js";
import { convExtents } from "../../kernels/conv-size.js";
import { reduce, reduceGrad } from "../../kernels/reduce.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";
import { summedOptions } from "./linear.js";
import type { LinearAttributes } from "./linear-inputs.js";
import { refuseTangent } from "./linear-tangent.js";

/** How the kernel slides, how the weight takes part, and what its gradient is. */
export interface Conv2dAttributes extends LinearAttributes, Pick<Conv2dSize, "stride" | "padding" | "groups"> {}

function extentsOf(x: Tensor, weight: Tensor, { stride, padding, groups = 1 }: Conv2dAttributes) {
  const [batch, channels, height, width] = x.shape;
  const [outputs, inputs, kernelHeight, kernelWidth] = weight.shape;
  if (x.shape.length !== 4 || weight.shape.length !== 4 || channels !== inputs * groups) {
    throw new ShapeError(
      `conv2d: expected x [N, C, H, W] and weight [out, C / groups, kernel height, kernel width] with ${groups} groups, got x [${x.shape}] and weight [${weight.shape}]`,
    );
  }
  const kernel = [kernelHeight, kernelWidth] as const;
  return convExtents("conv2d", { batch, channels, height, width, outputs, kernel, stride, padding, groups });
}

/** y as outputs' pixels: what sums over a channel see. */
const channelsOf = ([outer, length, height, width]: Tensor["shape"]) => ({ outer, length, inner: height * width });

/**
 * y = x * (weight and mask) + bias, the cross-correlation of deep learning. x: [N, C, H, W], weight: [out, C / groups, kernel height, kernel width],
 * bias: [out], y: [N, out, H', W'] with H' = (H + 2 padding - kernel height) / stride + 1 rounded down. @throws ShapeError
 */
export const conv2d = defineOp({
  name: "conv2d",
  forward(
    gpu,
    { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | undefined },
    attributes: Conv2dAttributes,
  ) {
    const { mask, weightAs } = attributes;
    const size = extentsOf(x, weight, attributes);
    if (bias && bias.size !== size.outputs) {
      throw new ShapeError(`conv2d: expected a bias of ${size.outputs} values, got [${bias.shape}]`);
    }
    const out = Tensor.empty(gpu, [size.batch, size.outputs, size.out.height, size.out.width]);
    conv2dKernel(gpu, { x, weight, y: out, bias, mask }, size, { weightAs });
    return { out, saved: undefined };
  },
  sums: "weight",
  backward({ gpu, inputs: { x, weight, bias }, attributes, gradient, needs, summed }) {
    const size = extentsOf(x, weight, attributes);
    const { mask, denseGradient, weightAs } = attributes;
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) conv2dInputGrad(gpu, { dy: gradient, weight, dx: dX, mask }, size, { weightAs });
    const ofWeight = needs("weight") && weightAs !== "one";
    const dWeight = ofWeight && !summed ? Tensor.empty(gpu, weight.shape) : undefined;
    if (ofWeight) {
      const kept = denseGradient ? undefined : mask;
      const operands = { x, dy: gradient, dWeight: summed?.total ?? dWeight!, mask: kept, scored: summed?.weight };
      conv2dWeightGrad(gpu, operands, size, summedOptions(summed));
    }
    const dBias = bias && needs("bias") ? Tensor.empty(gpu, bias.shape) : undefined;
    if (dBias) reduce(gpu, "sum", { x: gradient, y: dBias }, channelsOf(gradient.shape));
    return { x: dX, weight: dWeight, bias: dBias };
  },
  tangent: {
    forward({ gpu, inputs: { x, weight }, attributes, out, tangents }) {
      refuseTangent("conv2d", attributes);
      const size = extentsOf(x, weight, attributes);
      const { mask, denseGradient } = attributes;
      const ofX = tangents.x && Tensor.empty(gpu, out.shape);
      if (ofX) conv2dKernel(gpu, { x: tangents.x!, weight, y: ofX, mask }, size);
      const ofWeight = tangents.weight && Tensor.empty(gpu, out.shape);
      const kept = denseGradient ? undefined : mask;
      if (ofWeight) conv2dKernel(gpu, { x, weight: tangents.weight!, y: ofWeight, mask: kept }, size);
      const ofBias = tangents.bias && Tensor.empty(gpu, out.shape);
      if (ofBias) reduceGrad(gpu, "sum", { dy: tangents.bias!, dx: ofBias }, channelsOf(out.shape));
      return { out: addTerms(ofX, ofWeight, ofBias), saved: undefined };
    },
    backward({ gpu, inputs: { x, weight }, attributes, tangents, gradient, needs }) {
      const size = extentsOf(x, weight, attributes);
      const mask = attributes.denseGradient ? undefined : attributes.mask;
      const dX = tangents.weight && needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
      if (dX) conv2dInputGrad(gpu, { dy: gradient, weight: tangents.weight!, dx: dX, mask }, size);
      const dWeight = tangents.x && needs("weight") ? Tensor.empty(gpu, weight.shape) : undefined;
      if (dWeight) conv2dWeightGrad(gpu, { x: tangents.x!, dy: gradient, dWeight, mask }, size);
      return { x: dX, weight: dWeight };
    },
  },
});
