import { choleskyUpper, dampedInverse, dampedInverseDiagonal } from "../../src/kernels/cholesky.js";
import type { DampedSize } from "../../src/kernels/damp.js";
import type { Tolerance } from "../harness/close.js";
import { damped, definiteMatrix, inverseFactor, inverseOf } from "../harness/definite.js";
import type { KernelCase } from "../harness/kernel-case.js";

interface Shape extends DampedSize {
  /** Of the matrix before damping. */
  readonly condition: number;
}

const input = ({ n, condition }: Shape) => ({ a: definiteMatrix(n, condition, n) });
const factor = ({ n, damping }: Shape, a: ArrayLike<number>) => inverseFactor(damped(a, n, damping), n);
const title = ({ n, condition, damping = 0 }: Shape) => `${n}x${n}, condition ${condition}, damping ${damping}`;

/** The error of an inverse grows as the condition; `size` is that of its largest elements, at most the condition of a matrix of norm 1. */
const tolerance = (condition: number, size: number): Tolerance => ({ atol: 4e-9 * condition * size, rtol: 1e-6 });

function factorCase(shape: Shape, benchOnly?: boolean): KernelCase {
  const { n, condition } = shape;
  return {
    name: `choleskyUpper ${title(shape)}`,
    inputs: () => input(shape),
    outputs: { u: { length: n * n } },
    run: (gpu, { a, u }) => choleskyUpper(gpu, { a, u }, shape),
    oracle: ({ a }) => ({ u: factor(shape, a) }),
    tolerance: tolerance(condition, Math.sqrt(condition)),
    flops: (2 / 3) * n ** 3,
    bytes: 8 * n * n,
    benchOnly,
  };
}

function inverseCase(shape: Shape, benchOnly?: boolean): KernelCase {
  const { n, condition } = shape;
  return {
    name: `dampedInverse ${title(shape)}`,
    inputs: () => input(shape),
    outputs: { inverse: { length: n * n } },
    run: (gpu, { a, inverse }) => dampedInverse(gpu, { a, inverse }, shape),
    oracle: ({ a }) => ({ inverse: inverseOf(factor(shape, a), n) }),
    tolerance: tolerance(condition, condition),
    flops: (5 / 3) * n ** 3,
    bytes: 8 * n * n,
    benchOnly,
  };
}

function diagonalCase(shape: Shape): KernelCase {
  const { n, condition } = shape;
  return {
    name: `dampedInverseDiagonal ${title(shape)}`,
    inputs: () => input(shape),
    outputs: { diagonal: { length: n } },
    run: (gpu, { a, diagonal }) => dampedInverseDiagonal(gpu, { a, diagonal }, shape),
    oracle: ({ a }) => {
      const inverse = inverseOf(factor(shape, a), n);
      return { diagonal: Float64Array.from({ length: n }, (_, i) => inverse[i * (n + 1)]) };
    },
    tolerance: tolerance(condition, condition),
    flops: (2 / 3) * n ** 3 + 2 * n * n,
    bytes: 4 * n * n,
  };
}

const plain = (n: number, condition = 100, damping?: number): Shape => ({ n, condition, damping });

/** One element, around the blocks of 64, several blocks, in lanes (multiples of four) and in tiles. */
const shapes = [1, 2, 7, 63, 64, 65, 128, 131, 196].map((n) => plain(n));

export const cases: KernelCase[] = [
  ...shapes.flatMap((shape) => [factorCase(shape), inverseCase(shape)]),
  ...[plain(197, 1e4), plain(260, 1e4), plain(260, 1e6), plain(260, 1e6, 0.01)].flatMap((shape) => [
    factorCase(shape),
    inverseCase(shape),
    diagonalCase(shape),
  ]),
  ...[768, 3072].flatMap((n) => [factorCase(plain(n), true), inverseCase(plain(n), true)]),
];
