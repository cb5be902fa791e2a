/** Matrix products in the three operand orders of a linear layer's forward and backward, with a fused epilogue. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";
import { type FloatStorage, requireOperand, storageBytes } from "./elements.js";
import { matmulVariants, rowSum } from "./matmul-dispatch.js";
import { chooseVariant, type MatmulVariant } from "./matmul-variant.js";
import { requireApart, requireSizes } from "./require.js";
import type { WeightAs } from "./weight-as.js";
import type { WeightTermOptions } from "./weight-term.js";

export type { MatmulVariant } from "./matmul-variant.js";

/**
 * How the operands are stored, all row-major; out is m x n.
 * `nn`: a m x k, b k x n. `nt`: a m x k, b n x k (a linear layer: b is its weight). `tn`: a k x m, b k x n (its weight gradient: a = dY, b = X).
 */
export type MatmulOrder = "nn" | "nt" | "tn";

/** Operands of `matmul`; what is left out of the epilogue costs nothing. */
export interface MatmulBuffers {
  a: BufferLike;
  /** May be left out where `weightAs` is "one". */
  b?: BufferLike;
  /** m x n. */
  out: BufferLike;
  /** [n]. */
  bias?: BufferLike;
  /** One bit an element, 1 = keep: of b for `nn` and `nt` (elements of b count as zero), of out for `tn` (elements of the product become zero). */
  mask?: BufferLike;
  /** [n], multiplied after the activation, or before it with `gateFirst`. */
  gate?: BufferLike;
  /** m x n: also receives what the activation is given, or with `activated` the product by itself. */
  preactivation?: BufferLike;
  /** m x n, added last. */
  residual?: BufferLike;
  /** m x n, not along with a residual: weights w whose gradient the product is. `term` of the two, by default the path score w^2 |g|, takes the product's place. */
  scored?: BufferLike;
  /**
   * m x n, not along with a residual or scores: what the activation function was given that the product is a gradient behind. The function's slope
   * there times the product takes the product's place, and no activation function is applied.
   */
  activated?: BufferLike;
}

/** With `batch` > 1 the matrices of each operand follow each other; bias, mask and gate are shared by all. */
export interface MatmulSize {
  m: number;
  n: number;
  k: number;
  batch?: number;
}

/** Operands in memory and b's elements, activation and choice of kernel. */
export interface MatmulOptions extends WeightTermOptions {
  /** Of a and b. Default: f32; f16 needs a device with `shader-f16`. */
  storage?: FloatStorage;
  /** Of out and all that has its shape. Default: `storage`. */
  resultStorage?: FloatStorage;
  /** For `nn` and `nt`, what the elements of b count as; by default themselves. */
  weightAs?: WeightAs;
  activation?: "none" | "relu" | "gelu";
  /** Whether the gate comes before the activation. */
  gateFirst?: boolean;
  /** Forces a kernel; by default the device and the shape decide. */
  variant?: MatmulVariant;
}

/**
 * out = residual + gate * activation(op(a) op(b) + bias), computed in f32; every part after the product is optional.
 * @throws ShapeError when a size is not a positive integer or a buffer is too small for it; KernelError for an order that there is not, an operand that is
 * missing, a result that shares memory with another buffer, parts that do not go together, or when a forced variant cannot run here.
 */
export function matmul(
  gpu: Gpu,
  order: MatmulOrder,
  buffers: MatmulBuffers,
  size: MatmulSize,
  options: MatmulOptions = {},
): void {
  checkSizes(order, buffers, size, options);
  checkParts(order, buffers, options);
  requireOwnResults(order, buffers, options);
  using _scope = gpu.scope();
  const call = { gpu, order, buffers, size, options };
  if (options.weightAs === "one" && !buffers.mask && !options.variant) rowSum(call);
  else matmulVariants[options.variant ?? chooseVariant(call)](call);
}

function checkParts(order: MatmulOrder, buffers: MatmulBuffers, { weightAs, term }: MatmulOptions): void {
  const refuse = (problem: string) => {
    throw new KernelError(`matmul ${order}: ${problem}`);
  };
  for (const name of ["a", "out"] as const) requireOperand(`matmul ${order}`, name, buffers[name]);
  if (!buffers.b && weightAs !== "one") refuse('expected an operand b, got none; only weightAs "one" does without');
  if (weightAs && order === "tn")
    refuse(
      `expected order nn or nt with weightAs "${weightAs}", where b is the weight, got tn; compute the weight by map first`,
    );
  const { residual, scored, activated } = buffers;
  if (term !== undefined && !scored) refuse("term: expected weights in `scored`, got none; pass the weights");
  if ([residual, scored, activated].filter((part) => part !== undefined).length > 1)
    refuse("expected one of residual, scored and activated, got several; add the residual afterwards");
}

/** A row sum, which `weightAs` "one" may be, does not look at b. */
function requireOwnResults(
  order: MatmulOrder,
  { out, preactivation, b, ...operands }: MatmulBuffers,
  { weightAs }: MatmulOptions,
): void {
  const read = { ...operands, b: weightAs === "one" ? undefined : b };
  requireApart(`matmul ${order}`, { out, preactivation }, read);
}

function checkSizes(
  order: MatmulOrder,
  buffers: MatmulBuffers,
  size: MatmulSize,
  { storage = "f32", resultStorage = storage }: MatmulOptions,
): void {
  const { m, n, k, batch = 1 } = size;
  requireSizes(`matmul ${order}`, { m, n, k, batch });
  const maskBits = order === "tn" ? m * n : n * k;
  const result = storageBytes(batch * m * n, resultStorage);
  const bytes: Record<keyof MatmulBuffers, number> = {
    a: storageBytes(batch * m * k, storage),
    b: storageBytes(batch * k * n, storage),
    bias: 4 * n,
    mask: 4 * Math.ceil(maskBits / 32),
    gate: 4 * n,
    ...{ out: result, preactivation: result, residual: result, scored: result, activated: result },
  };
  for (const [name, expected] of Object.entries(bytes)) {
    const given = buffers[name as keyof MatmulBuffers];
    if (!given) continue;
    const { byteLength } = bufferOf(given, `matmul ${order}: ${name}`);
    if (byteLength < expected) {
      throw new ShapeError(
        `matmul ${order} ${m} x ${n} x ${k}, batch ${batch}: ${name}: expected at least ${expected} bytes, got ${byteLength}`,
      );
    }
  }
}
