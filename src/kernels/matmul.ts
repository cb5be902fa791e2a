/** Matrix products in the three operand orders of a linear layer's forward and backward, with a fused epilogue. */
import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";
import { matmulVariants } from "./matmul-dispatch.js";
import { chooseVariant, type MatmulVariant } from "./matmul-variant.js";

export type { MatmulVariant } from "./matmul-variant.js";

/**
 * How the operands are stored, all row-major; out is m x n.
 * `nn`: a m x k, b k x n. `nt`: a m x k, b n x k (a linear layer: b is its weight). `tn`: a k x m, b k x n (its weight gradient: a = dY, b = X).
 */
export type MatmulOrder = "nn" | "nt" | "tn";

/** Operands of `matmul`; what is left out of the epilogue costs nothing. */
export interface MatmulBuffers {
  a: BufferLike;
  b: BufferLike;
  /** m x n. */
  out: BufferLike;
  /** [n]. */
  bias?: BufferLike;
  /** One bit an element, 1 = keep: of b for `nn` and `nt` (elements of b count as zero), of out for `tn` (elements of the product become zero). */
  mask?: BufferLike;
  /** [n], multiplied after the activation. */
  gate?: BufferLike;
  /** m x n: also receives a b + bias, before the activation. */
  preactivation?: BufferLike;
  /** m x n, added last. */
  residual?: BufferLike;
}

/** With `batch` > 1 the matrices of each operand follow each other; bias, mask and gate are shared by all. */
export interface MatmulSize {
  m: number;
  n: number;
  k: number;
  batch?: number;
}

/** Activation and choice of kernel. */
export interface MatmulOptions {
  activation?: "none" | "relu" | "gelu";
  /** Forces a kernel; by default the device and the shape decide. */
  variant?: MatmulVariant;
}

/**
 * out = residual + gate * activation(op(a) op(b) + bias), in f32; every part after the product is optional.
 * @throws ShapeError when a size is not a positive integer or a buffer is too small for it.
 */
export function matmul(
  gpu: Gpu,
  order: MatmulOrder,
  buffers: MatmulBuffers,
  size: MatmulSize,
  options: MatmulOptions = {},
): void {
  checkSizes(order, buffers, size);
  using _scope = gpu.scope();
  const variant = options.variant ?? chooseVariant(gpu, order, size);
  matmulVariants[variant]({ gpu, order, buffers, size, options });
}

function checkSizes(order: MatmulOrder, buffers: MatmulBuffers, size: MatmulSize): void {
  const { m, n, k, batch = 1 } = size;
  for (const [name, value] of Object.entries({ m, n, k, batch })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ShapeError(`matmul: ${name}: expected a positive integer, got ${value}`);
    }
  }
  const maskBits = order === "tn" ? m * n : n * k;
  const words: Record<keyof MatmulBuffers, number> = {
    a: batch * m * k,
    b: batch * k * n,
    out: batch * m * n,
    bias: n,
    mask: Math.ceil(maskBits / 32),
    gate: n,
    preactivation: batch * m * n,
    residual: batch * m * n,
  };
  for (const [name, expected] of Object.entries(words)) {
    const given = buffers[name as keyof MatmulBuffers];
    if (given && bufferOf(given).byteLength < 4 * expected) {
      throw new ShapeError(
        `matmul ${order} ${m} x ${n} x ${k}, batch ${batch}: ${name}: expected at least ${4 * expected} bytes, got ${bufferOf(given).byteLength}`,
      );
    }
  }
}
