import { ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { gateGradient } from "../../kernels/gate.js";
import { map } from "../../kernels/map.js";
import { type Reduction, reduceGrad, reduce as reduceKernel } from "../../kernels/reduce.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import { onesLike } from "../terms.js";

/** x seen as [outer, length, inner]; the result has one value for each of `length`. */
export interface ReduceGroups {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

const reduceOp = defineOp({
  name: "reduce",
  forward(gpu, { x }: { x: Tensor }, { kind, ...size }: ReduceGroups & { kind: Reduction }) {
    if (size.outer * size.length * size.inner !== x.size) {
      throw new ShapeError(
        `reduce: expected ${size.outer} x ${size.length} x ${size.inner} elements, got [${x.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [size.length]);
    reduceKernel(gpu, kind, { x, y: out }, size);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: { kind, ...size }, out, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    if (kind === "sum" || kind === "mean") reduceGrad(gpu, kind, { dy: gradient, dx: dX }, size);
    else slope(gpu, kind, x, out, gradient, dX, size);
    return { x: dX };
  },
  tangent: {
    forward({ gpu, inputs: { x }, attributes: { kind, ...size }, out: y, tangents }) {
      const xTangent = tangents.x!;
      const out = Tensor.empty(gpu, y.shape);
      if (kind === "sum" || kind === "mean") reduceKernel(gpu, kind, { x: xTangent, y: out }, size);
      else {
        using _temporaries = gpu.scope();
        const slopes = Tensor.empty(gpu, x.shape);
        slope(gpu, kind, x, y, onesLike(y), slopes, size);
        gateGradient(gpu, { x: slopes, dy: xTangent, dg: out }, { length: x.size, inner: size.inner, period: y.size });
      }
      return { out, saved: undefined };
    },
    backward({ gpu, inputs: { x }, attributes: { kind, inner }, out: y, tangents, outTangent, gradient }) {
      if (kind !== "l2") return {};
      const dX = Tensor.empty(gpu, x.shape);
      const tensors = { x, xTangent: tangents.x!, y, yTangent: outTangent, dy: gradient };
      perElement(gpu, "select(0.0, (xTangent - x / y * yTangent) / y, y > 0.0) * dy", tensors, dX, inner);
      return { x: dX };
    },
  },
});

/** dX = dy times the derivative of the group's y by x. */
function slope(gpu: Gpu, kind: "max" | "l2", x: Tensor, y: Tensor, dy: Tensor, dX: Tensor, size: ReduceGroups): void {
  if (kind === "max") maxGradient(gpu, x, y, dy, dX, size);
  else perElement(gpu, "select(0.0, x / y, y > 0.0) * dy", { x, y, dy }, dX, size.inner);
}

/** dX = expression over x, and over the group's y, dy or n. */
function perElement(
  gpu: Gpu,
  expression: string,
  tensors: Readonly<Record<string, Tensor>>,
  dX: Tensor,
  inner: number,
): void {
  const inputs = Object.entries(tensors).map(([name, tensor]) => {
    const whole = tensor.size === dX.size;
    return [name, whole ? { buffer: tensor } : { buffer: tensor, inner, period: tensor.size }] as const;
  });
  map(gpu, expression, Object.fromEntries(inputs), { y: dX, length: dX.size });
}

/** Elements that share the largest value share its gradient, as in torch.amax. */
function maxGradient(gpu: Gpu, x: Tensor, y: Tensor, dy: Tensor, dX: Tensor, size: ReduceGroups): void {
  const hits = Tensor.empty(gpu, x.shape);
  const n = Tensor.empty(gpu, y.shape);
  perElement(gpu, "select(0.0, 1.0, x == y)", { x, y }, hits, size.inner);
  reduceKernel(gpu, "sum", { x: hits, y: n }, size);
  perElement(gpu, "select(0.0, dy / n, x == y)", { x, y, dy, n }, dX, size.inner);
}

const whole = (x: Tensor): ReduceGroups => ({ outer: 1, length: 1, inner: x.size });

/** Sum by group (default: of everything, shape [1]). */
export const sum = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "sum", ...groups });

/** Mean by group (default: of everything, shape [1]). */
export const mean = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "mean", ...groups });

/** Largest value by group (default: of everything, shape [1]). */
export const max = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "max", ...groups });

/** Euclidean norm by group (default: of everything, shape [1]). Its gradient at zero is zero. */
export const l2 = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "l2", ...groups });
