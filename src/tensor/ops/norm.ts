import { ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { layerNormGrad, layerNorm as layerNormKernel } from "../../kernels/layer-norm.js";
import { layerNormColumns } from "../../kernels/layer-norm-columns.js";
import { layerNormGradTangent, layerNormTangent } from "../../kernels/layer-norm-tangent.js";
import { softmaxGrad, softmaxGradTangent, softmax as softmaxKernel } from "../../kernels/softmax.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";
import { type ColumnMap, placedColumns } from "./columns.js";

const rowsOf = (x: Tensor) => ({ rows: x.size / x.shape.at(-1)!, columns: x.shape.at(-1)! });

/** How layer norm divides, and what of it is written. */
export interface LayerNormAttributes {
  readonly epsilon: number;
  /** Elements of a row that mean and variance run over: those of x, and zeros that are left out of it. Default: those of x. */
  readonly count?: number;
  /** The columns that are written. Default: all. */
  readonly columns?: ColumnMap;
}

/** The gradient of all columns, from that of those that were written. */
const spread = (gpu: Gpu, gradient: Tensor, map: ColumnMap | undefined): Tensor =>
  map ? placedColumns(gpu, gradient, { map, spreads: true }) : gradient;

/** Layer norm over the last axis: (x - mean) / sqrt(var + epsilon) * weight + bias. @throws ShapeError */
export const layerNorm = defineOp({
  name: "layerNorm",
  float16: ["x"],
  forward(gpu, { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor }, attributes: LayerNormAttributes) {
    const size = rowsOf(x);
    const { columns: map, ...settings } = attributes;
    if (weight.size !== size.columns || bias.size !== size.columns) {
      throw new ShapeError(
        `layerNorm: expected weight and bias of ${size.columns}, got [${weight.shape}] and [${bias.shape}]`,
      );
    }
    if (map && map.width !== size.columns) {
      throw new ShapeError(`layerNorm: expected columns of ${size.columns}, got a map of ${map.width}; use that of x`);
    }
    const kept = map?.columns.length ?? size.columns;
    const out = Tensor.empty(gpu, [...x.shape.slice(0, -1), kept], x.type);
    const mean = Tensor.empty(gpu, [size.rows]);
    const rstd = Tensor.empty(gpu, [size.rows]);
    const operands = { x, weight, bias, y: out, mean, rstd };
    if (map) {
      const source = map.source(false);
      layerNormColumns(gpu, { ...operands, source }, { ...size, ...settings, kept }, storageOf(x));
    } else layerNormKernel(gpu, operands, { ...size, ...settings }, storageOf(x));
    return { out, saved: { mean, rstd } };
  },
  backward({ gpu, inputs: { x, weight, bias }, attributes: { count, columns }, saved: { mean, rstd }, gradient }) {
    using scope = gpu.scope();
    const dX = scope.promote(Tensor.empty(gpu, x.shape));
    const dWeight = scope.promote(Tensor.empty(gpu, weight.shape));
    const dBias = scope.promote(Tensor.empty(gpu, bias.shape));
    const dy = spread(gpu, gradient, columns);
    layerNormGrad(gpu, { x, weight, mean, rstd, dy, dx: dX, dWeight, dBias }, { ...rowsOf(x), count });
    return { x: dX, weight: dWeight, bias: dBias };
  },
  tangent: {
    forward({ gpu, inputs: { x, weight, bias }, attributes: { count, columns: map }, saved, tangents }) {
      using scope = gpu.scope();
      const xTangent = tangents.x ?? Tensor.zeros(gpu, x.shape);
      const weightTangent = tangents.weight ?? Tensor.zeros(gpu, weight.shape);
      const biasTangent = tangents.bias ?? Tensor.zeros(gpu, bias.shape);
      const yTangent = Tensor.empty(gpu, x.shape);
      const operands = { x, weight, ...saved, xTangent, weightTangent, biasTangent, yTangent };
      layerNormTangent(gpu, operands, { ...rowsOf(x), count });
      const out = map ? placedColumns(gpu, yTangent, { map, spreads: false }) : yTangent;
      return { out: scope.promote(out), saved: undefined };
    },
    backward({ gpu, inputs: { x, weight }, attributes: { count, columns }, saved, tangents, gradient }) {
      if (!tangents.x && !tangents.weight) return {};
      using scope = gpu.scope();
      const xTangent = tangents.x ?? Tensor.zeros(gpu, x.shape);
      const dX = scope.promote(Tensor.empty(gpu, x.shape));
      const dWeight = scope.promote(Tensor.empty(gpu, weight.shape));
      const dy = spread(gpu, gradient, columns);
      const operands = { x, weight, ...saved, dy, xTangent, weightTangent: tangents.weight };
      layerNormGradTangent(gpu, { ...operands, dx: dX, dWeight }, { ...rowsOf(x), count });
      return { x: dX, weight: dWeight };
    },
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
  tangent: {
    forward({ gpu, inputs: { x }, out: y, tangents }) {
      const out = Tensor.empty(gpu, x.shape);
      softmaxGrad(gpu, { y, dy: tangents.x!, dx: out }, rowsOf(x));
      return { out, saved: undefined };
    },
    backward({ gpu, inputs: { x }, out, outTangent, gradient }) {
      const dX = Tensor.empty(gpu, x.shape);
      softmaxGradTangent(gpu, { y: out, yTangent: outTangent, dy: gradient, dx: dX }, rowsOf(x));
      return { x: dX };
    },
  },
});

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => normalize({ x }, undefined);
