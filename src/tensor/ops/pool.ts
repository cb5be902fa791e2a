import { ShapeError } from "../../errors.js";
import {
  averagePoolGrad,
  averagePool as averagePoolKernel,
  maxPoolGrad,
  maxPool as maxPoolKernel,
  maxPoolTangent,
  type PoolSize,
  poolOut,
} from "../../kernels/pool.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import { reshape } from "./elementwise.js";
import { mean } from "./reduce.js";

/** Windows over the pixels of each channel. */
export interface PoolAttributes extends Pick<PoolSize, "window" | "padding"> {
  /** 1 by default, unlike in PyTorch, where it is the window's side. */
  readonly stride?: number;
}

function sizeOfPool(op: string, x: Tensor, attributes: PoolAttributes): PoolSize {
  const [batch, channels, height, width] = x.shape;
  if (x.shape.length !== 4) throw new ShapeError(`${op}: expected x [N, C, H, W], got [${x.shape}]`);
  return { planes: batch * channels, height, width, ...attributes };
}

/** The shape of the result, and its size for the kernels. */
function planOf(op: string, x: Tensor, attributes: PoolAttributes) {
  const size = sizeOfPool(op, x, attributes);
  const out = poolOut(op, size);
  return { size, shape: [x.shape[0], x.shape[1], out.height, out.width] };
}

const largest = defineOp({
  name: "maxPool",
  forward(gpu, { x }: { x: Tensor }, attributes: PoolAttributes) {
    const { size, shape } = planOf("maxPool", x, attributes);
    const out = Tensor.empty(gpu, shape);
    const at = Tensor.empty(gpu, shape, "u32");
    maxPoolKernel(gpu, { x, y: out, at }, size);
    return { out, saved: { at } };
  },
  backward({ gpu, inputs: { x }, attributes, saved: { at }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    maxPoolGrad(gpu, { at, dy: gradient, dx: dX }, sizeOfPool("maxPool", x, attributes));
    return { x: dX };
  },
  tangent: {
    forward({ gpu, inputs: { x }, attributes, saved: { at }, out: y, tangents }) {
      const out = Tensor.empty(gpu, y.shape);
      maxPoolTangent(gpu, { xTangent: tangents.x!, at, yTangent: out }, sizeOfPool("maxPool", x, attributes));
      return { out, saved: undefined };
    },
  },
});

/** Largest element of each window: [N, C, H, W] -> [N, C, H', W']. The first of equal ones gets the gradient. @throws ShapeError */
export const maxPool = (x: Tensor, attributes: PoolAttributes): Tensor => largest({ x }, attributes);

const average = defineOp({
  name: "averagePool",
  forward(gpu, { x }: { x: Tensor }, attributes: PoolAttributes) {
    const { size, shape } = planOf("averagePool", x, attributes);
    const out = Tensor.empty(gpu, shape);
    averagePoolKernel(gpu, { x, y: out }, size);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    averagePoolGrad(gpu, { dy: gradient, dx: dX }, sizeOfPool("averagePool", x, attributes));
    return { x: dX };
  },
  tangent: "linear",
});

/** Mean of each window, the padding as zeros: [N, C, H, W] -> [N, C, H', W']. @throws ShapeError */
export const averagePool = (x: Tensor, attributes: PoolAttributes): Tensor => average({ x }, attributes);

/** Mean of each channel's pixels: [N, C, H, W] -> [N, C]. @throws ShapeError */
export function globalAveragePool(x: Tensor): Tensor {
  const [batch, channels, height, width] = x.shape;
  if (x.shape.length !== 4) throw new ShapeError(`globalAveragePool: expected x [N, C, H, W], got [${x.shape}]`);
  const means = mean(x, { outer: 1, length: batch * channels, inner: height * width });
  return reshape(means, [batch, channels]);
}
