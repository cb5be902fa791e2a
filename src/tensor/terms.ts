/** Small things that derivatives are made of. */
import { add } from "../kernels/add.js";
import { fill } from "../kernels/fill.js";
import type { ExpressionText } from "../kernels/map-expression.js";
import { mapUnits } from "../kernels/map-units.js";
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

/** total += term, element by element: a WGSL expression over inputs of the total's size, by name. */
export function addTerm(term: ExpressionText, inputs: Readonly<Record<string, Tensor>>, total: Tensor): void {
  const named = Object.fromEntries(Object.entries(inputs).map(([name, buffer]) => [name, { buffer }]));
  const { gpu, size } = total;
  mapUnits(gpu, term, named, { y: total, length: size, inner: 1, period: size, reduction: "sum", accumulate: true });
}
