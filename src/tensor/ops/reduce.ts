import { ShapeError } from "../../errors.js";
import { reduceGrad, reduce as reduceKernel } from "../../kernels/reduce.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

/** x seen as [outer, length, inner]; the result has one value for each of `length`. */
export interface ReduceGroups {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

const reduceOp = defineOp({
  name: "reduce",
  forward(gpu, { x }: { x: Tensor }, { kind, ...size }: ReduceGroups & { kind: "sum" | "mean" }) {
    if (size.outer * size.length * size.inner !== x.size) {
      throw new ShapeError(
        `reduce: expected ${size.outer} x ${size.length} x ${size.inner} elements, got [${x.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [size.length]);
    reduceKernel(gpu, kind, { x, y: out }, size);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: { kind, ...size }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    reduceGrad(gpu, kind, { dy: gradient, dx: dX }, size);
    return { x: dX };
  },
});

const whole = (x: Tensor): ReduceGroups => ({ outer: 1, length: 1, inner: x.size });

/** Sum by group (default: of everything, shape [1]). */
export const sum = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "sum", ...groups });

/** Mean by group (default: of everything, shape [1]). */
export const mean = (x: Tensor, groups = whole(x)): Tensor => reduceOp({ x }, { kind: "mean", ...groups });
