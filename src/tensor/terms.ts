/** Small things that derivatives are made of. */
import { add } from "../kernels/add.js";
import { fill } from "../kernels/fill.js";
import { Tensor } from "./tensor.js";

/** A constant one, made on the device so that it can be recorded. */
export function onesLike(tensor: Tensor): Tensor {
  const ones = Tensor.empty(tensor.gpu, tensor.shape);
  fill(tensor.gpu, { y: ones }, { length: ones.size, value: 1 });
  return ones;
}

/** The sum of those terms that are there, at least one; they are given back where a sum takes their place. */
export function addTerms(...terms: readonly (Tensor | undefined)[]): Tensor {
  return terms
    .filter((term) => term !== undefined)
    .reduce((a, b) => {
      const sum = Tensor.empty(a.gpu, a.shape);
      add(a.gpu, { a, b, y: sum }, { length: sum.size });
      a.gpu.release(a);
      b.gpu.release(b);
      return sum;
    });
}
