import { ShapeError } from "../../errors.js";
import { layerNormGrad, layerNorm as layerNormKernel } from "../../kernels/layer-norm.js";
import { softmaxGrad, softmax as softmaxKernel } from "../../kernels/softmax.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

const rowsOf = (x: Tensor) => ({ rows: x.size / x.shape.at(-1)!, columns: x.shape.at(-1)! });

/** Layer norm over the last axis: (x - mean) / sqrt(var + epsilon) * weight + bias. @throws ShapeError */
export const layerNorm = defineOp({
  name: "layerNorm",
  forward(gpu, { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor }, { epsilon }: { epsilon: number }) {
    const size = rowsOf(x);
    if (weight.size !== size.columns || bias.size !== size.columns) {
      throw new ShapeError(
        `layerNorm: expected weight and bias of ${size.columns}, got [${weight.shape}] and [${bias.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, x.shape);
    const mean = Tensor.empty(gpu, [size.rows]);
    const rstd = Tensor.empty(gpu, [size.rows]);
    layerNormKernel(gpu, { x, weight, bias, y: out, mean, rstd }, { ...size, epsilon });
    return { out, saved: { mean, rstd } };
  },
  backward({ gpu, inputs: { x, weight, bias }, saved: { mean, rstd }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    const dWeight = Tensor.empty(gpu, weight.shape);
    const dBias = Tensor.empty(gpu, bias.shape);
    layerNormGrad(gpu, { x, weight, mean, rstd, dy: gradient, dx: dX, dWeight, dBias }, rowsOf(x));
    return { x: dX, weight: dWeight, bias: dBias };
  },
});

const normalize = defineOp({
  name: "softmax",
  forward(gpu, { x }: { x: Tensor }, _: undefined) {
    const out = Tensor.empty(gpu, x.shape);
    softmaxKernel(gpu, { x, y: out }, rowsOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, out, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    softmaxGrad(gpu, { y: out, dy: gradient, dx: dX }, rowsOf(x));
    return { x: dX };
  },
});

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => normalize({ x }, undefined);
