import { ShapeError } from "../../errors.js";
import { matmul as matmulKernel } from "../../kernels/matmul.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";

interface Extents {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function extents(a: Tensor, b: Tensor): Extents {
  const [m, k] = a.shape.slice(-2);
  const [inner, n] = b.shape.slice(-2);
  const batch = a.shape.slice(0, -2);
  const same = batch.length === b.shape.length - 2 && batch.every((extent, axis) => extent === b.shape[axis]);
  if (a.shape.length < 2 || k !== inner || !same) {
    throw new ShapeError(`matmul: expected a [..., m, k] and b [..., k, n], got a [${a.shape}] and b [${b.shape}]`);
  }
  return { batch: batch.reduce((product, extent) => product * extent, 1), m, n, k };
}

const product = defineOp({
  name: "matmul",
  forward(gpu, { a, b }: { a: Tensor; b: Tensor }, size: Extents) {
    const out = Tensor.empty(gpu, [...a.shape.slice(0, -2), size.m, size.n]);
    matmulKernel(gpu, "nn", { a, b, out }, size);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { a, b }, attributes: { batch, m, n, k }, gradient, needs }) {
    const dA = needs("a") ? Tensor.empty(gpu, a.shape) : undefined;
    if (dA) matmulKernel(gpu, "nt", { a: gradient, b, out: dA }, { batch, m, n: k, k: n });
    const dB = needs("b") ? Tensor.empty(gpu, b.shape) : undefined;
    if (dB) matmulKernel(gpu, "tn", { a, b: gradient, out: dB }, { batch, m: k, n, k: m });
    return { a: dA, b: dB };
  },
  tangent: {
    forward({ gpu, inputs: { a, b }, attributes: size, out, tangents }) {
      const ofA = tangents.a && Tensor.empty(gpu, out.shape);
      if (ofA) matmulKernel(gpu, "nn", { a: tangents.a!, b, out: ofA }, size);
      const ofB = tangents.b && Tensor.empty(gpu, out.shape);
      if (ofB) matmulKernel(gpu, "nn", { a, b: tangents.b!, out: ofB }, size);
      return { out: addTerms(ofA, ofB), saved: undefined };
    },
    backward({ gpu, inputs: { a, b }, attributes: { batch, m, n, k }, tangents, gradient, needs }) {
      const dA = tangents.b && needs("a") ? Tensor.empty(gpu, a.shape) : undefined;
      if (dA) matmulKernel(gpu, "nt", { a: gradient, b: tangents.b!, out: dA }, { batch, m, n: k, k: n });
      const dB = tangents.a && needs("b") ? Tensor.empty(gpu, b.shape) : undefined;
      if (dB) matmulKernel(gpu, "tn", { a: tangents.a!, b: gradient, out: dB }, { batch, m: k, n, k: m });
      return { a: dA, b: dB };
    },
  },
});

/** a b for a: [..., m, k] and b: [..., k, n] with equal leading extents. @throws ShapeError */
export const matmul = (a: Tensor, b: Tensor): Tensor => product({ a, b }, extents(a, b));
