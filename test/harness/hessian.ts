/** Hessian-vector products on the device beside those of the float64 oracle. */
import type { Gpu } from "../../src/gpu/index.js";
import { hessianVectorProduct, Tensor } from "../../src/tensor/index.js";
import { constant, hessianVector, type Variable } from "./double-backward.js";

/** A scalar function of some leaves, twice. */
export interface TwiceDifferentiable {
  readonly shapes: readonly (readonly number[])[];
  readonly loss: (leaves: Tensor[]) => Tensor;
  readonly oracle: (leaves: Variable[]) => Variable;
}

export function leafOf(gpu: Gpu, values: Float32Array, shape: readonly number[]): Tensor {
  const leaf = Tensor.from(gpu, values, shape);
  leaf.requiresGradient = true;
  return leaf;
}

/** The largest difference over the largest expected value. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    difference = Math.max(difference, Math.abs(got[i] - want[i]));
    largest = Math.max(largest, Math.abs(want[i]));
    if (Number.isNaN(got[i])) return Number.NaN;
  }
  return difference === 0 ? 0 : difference / largest;
}

/** Relative errors of gradient and product by leaf. Leaves without a direction stay. */
export async function hessianErrors(
  gpu: Gpu,
  { shapes, loss, oracle }: TwiceDifferentiable,
  values: readonly Float32Array[],
  directions: readonly (Float32Array | undefined)[],
): Promise<{ gradient: number; product: number }[]> {
  const leaves = values.map((data, index) => leafOf(gpu, data, shapes[index]));
  const moving = leaves.flatMap((leaf, index) => {
    const direction = directions[index];
    return direction ? [[leaf, Tensor.from(gpu, direction, leaf.shape)] as const] : [];
  });
  const got = hessianVectorProduct(loss(leaves), new Map(moving));
  const variables = values.map(constant);
  const whole = directions.map((direction, index) => direction ?? new Float32Array(values[index].length));
  const want = hessianVector(oracle(variables), variables, whole);
  return Promise.all(
    leaves.map(async (leaf, index) => ({
      gradient: relativeError(await got.gradients.get(leaf)!.read(), want.gradients[index]),
      product: relativeError(await got.products.get(leaf)!.read(), want.products[index]),
    })),
  );
}
