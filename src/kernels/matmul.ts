/** Matrix products in the three operand orders of a linear layer's forward and backward, with a fused epilogue. */
import { KernelError, ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { chooseVariant, lanesFit, type MatmulVariant, splitK, TILE, tileCount } from "./matmul-variant.js";
import * as shaders from "./shaders.gen.js";

export type { MatmulVariant } from "./matmul-variant.js";

/**
 * How the operands are stored, all row-major; out is m x n.
 * `nn`: a m x k, b k x n. `nt`: a m x k, b n x k (a linear layer: b is its weight). `tn`: a k x m, b k x n (its weight gradient: a = dY, b = X).
 */
export type MatmulOrder = "nn" | "nt" | "tn";

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

export interface MatmulOptions {
  activation?: "none" | "relu" | "gelu";
  /** Forces a kernel; by default the device and the shape decide. */
  variant?: MatmulVariant;
}

const ACTIVATIONS = ["none", "relu", "gelu"] as const;

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
  const call: Call = { gpu, order, buffers, size, options };
  const variant = options.variant ?? chooseVariant(gpu, order, size);
  kernels[variant](call);
}

interface Call {
  readonly gpu: Gpu;
  readonly order: MatmulOrder;
  readonly buffers: MatmulBuffers;
  readonly size: MatmulSize;
  readonly options: MatmulOptions;
}

/** Constants and bindings of shaders/shared/epilogue.wgsl. An absent part gets a placeholder that the kernel never reads. */
function epilogue({ gpu, order, buffers, options }: Call) {
  const { a, bias, mask, gate, residual, preactivation, out } = buffers;
  return {
    constants: {
      BIAS: bias !== undefined,
      ACTIVATION: ACTIVATIONS.indexOf(options.activation ?? "none"),
      GATE: gate !== undefined,
      RESIDUAL: residual !== undefined,
      PREACTIVATION: preactivation !== undefined,
      MASK_OUT: mask !== undefined && order === "tn",
    },
    buffers: {
      mask: mask ?? a,
      bias: bias ?? a,
      gate: gate ?? a,
      residual: residual ?? a,
      preactivation: preactivation ?? gpu.allocate(4),
      out,
    },
  };
}

const operandConstants = ({ order, buffers }: Call) => ({
  A_TRANSPOSED: order === "tn",
  B_TRANSPOSED: order === "nt",
  MASK_B: buffers.mask !== undefined && order !== "tn",
});

function tile(call: Call): void {
  const { m, n, k, batch = 1 } = call.size;
  const { a, b } = call.buffers;
  const end = epilogue(call);
  call.gpu.dispatch(shaders.matmul_tile, {
    buffers: { a, b, ...end.buffers },
    params: { m, n, k, batches: batch, splits: 1, chunk: k },
    constants: { ...operandConstants(call), ...end.constants },
    groups: tileCount(call.size, TILE, TILE),
  });
}

function split(call: Call): void {
  const { gpu, buffers, size } = call;
  const { m, n, k, batch = 1 } = size;
  const { splits, chunk } = splitK(size);
  const partials = gpu.allocate(4 * batch * splits * m * n);
  const { a, b } = buffers;
  const end = epilogue(call);
  gpu.dispatch(shaders.matmul_tile, {
    buffers: { a, b, ...end.buffers, out: partials },
    params: { m, n, k, batches: batch, splits, chunk },
    constants: operandConstants(call),
    groups: tileCount(size, TILE, TILE) * splits,
  });
  gpu.dispatch(shaders.matmul_sum, {
    buffers: { partials, ...end.buffers },
    params: { elements: m * n, n, splits, batches: batch },
    constants: end.constants,
    groups: Math.ceil((batch * m * n) / constantNumber(shaders.matmul_sum, "GROUP")),
  });
}

function lane(call: Call): void {
  const { gpu, order, buffers, size } = call;
  const { m, n, k, batch = 1 } = size;
  if (!lanesFit(gpu, order, size)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: lane variant: expected subgroups of 4 or 8 and rows of whole vec4, got ${gpu.info.subgroupSize ?? "no fixed subgroups"}; use variant "tile"`,
    );
  }
  const { a, b } = buffers;
  const end = epilogue(call);
  const lanes = gpu.info.subgroupSize as number;
  gpu.dispatch(shaders.matmul_lane, {
    buffers: { a, b, ...end.buffers },
    params: { m, n, k, batches: batch },
    constants: { ...operandConstants(call), ...end.constants, LANES: lanes },
    groups: tileCount(size, 4 * lanes, 4 * lanes),
  });
}

const kernels: Record<MatmulVariant, (call: Call) => void> = { lane, tile, split };

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
