import { ShapeError } from "../../errors.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

const concat = defineOp({
  name: "concatRows",
  forward(gpu, { a, b }: { a: Tensor; b: Tensor }, _: undefined) {
    const [rowsA, columns] = a.shape;
    const [rowsB, other] = b.shape;
    if (a.shape.length !== 2 || b.shape.length !== 2 || columns !== other) {
      throw new ShapeError(`concatRows: expected two matrices of one width, got [${a.shape}] and [${b.shape}]`);
    }
    const out = Tensor.empty(gpu, [rowsA + rowsB, columns]);
    gpu.copy(a.buffer, out.buffer, a.size * 4);
    gpu.copy(b.buffer, out.buffer, b.size * 4, 0, a.size * 4);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { a, b }, gradient }) {
    const dA = Tensor.empty(gpu, a.shape);
    const dB = Tensor.empty(gpu, b.shape);
    gpu.copy(gradient.buffer, dA.buffer, a.size * 4);
    gpu.copy(gradient.buffer, dB.buffer, b.size * 4, a.size * 4);
    return { a: dA, b: dB };
  },
  tangent: "linear",
});

/** The rows of a above those of b: [m, columns] and [n, columns] -> [m + n, columns]. */
export const concatRows = (a: Tensor, b: Tensor): Tensor => concat({ a, b }, undefined);
