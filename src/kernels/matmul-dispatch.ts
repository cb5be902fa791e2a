/** One dispatch, or two, for each variant of matmul. Sizes were checked before. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { loadWidth } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import type { MatmulBuffers, MatmulOptions, MatmulOrder, MatmulSize } from "./matmul.js";
import { lanesFit, type MatmulVariant, outerFits, rowFits, splitK, TILE, tileCount } from "./matmul-variant.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";
import { weightConstants } from "./weight-as.js";

const ACTIVATIONS = ["none", "relu", "gelu"] as const;

export interface MatmulCall {
  readonly gpu: Gpu;
  readonly order: MatmulOrder;
  readonly buffers: MatmulBuffers;
  readonly size: MatmulSize;
  readonly options: MatmulOptions;
}

/** Constants and bindings of shaders/shared/epilogue.wgsl. An absent part gets a placeholder that the kernel never reads. */
function epilogue({ gpu, order, buffers, options }: MatmulCall) {
  const { a, bias, mask, gate, residual, scored, preactivation, out } = buffers;
  return {
    constants: {
      BIAS: bias !== undefined,
      ACTIVATION: ACTIVATIONS.indexOf(options.activation ?? "none"),
      GATE: gate !== undefined,
      RESIDUAL: residual !== undefined,
      SCORE: scored !== undefined,
      PREACTIVATION: preactivation !== undefined,
      MASK_OUT: mask !== undefined && order === "tn",
    },
    buffers: {
      mask: mask ?? a,
      bias: bias ?? a,
      gate: gate ?? a,
      residual: residual ?? scored ?? a,
      preactivation: preactivation ?? gpu.allocate(4),
      out,
    },
  };
}

const operandConstants = ({ order, buffers, options }: MatmulCall) => ({
  A_TRANSPOSED: order === "tn",
  B_TRANSPOSED: order === "nt",
  MASK_B: buffers.mask !== undefined && order !== "tn",
  ...weightConstants(options.weightAs),
});

/** An operand b that is not read may be absent. */
const operands = ({ buffers: { a, b = a } }: MatmulCall) => ({ a, b });

function tile(call: MatmulCall): void {
  const { m, n, k, batch = 1 } = call.size;
  const end = epilogue(call);
  call.gpu.dispatch(shaders.matmul_tile, {
    buffers: { ...operands(call), ...end.buffers },
    params: { m, n, k, batches: batch, splits: 1, chunk: k },
    constants: { ...operandConstants(call), ...end.constants },
    groups: tileCount(call.size, TILE, TILE),
  });
}

function split(call: MatmulCall): void {
  const { gpu, size } = call;
  const { m, n, k, batch = 1 } = size;
  const { splits, chunk } = splitK(size);
  const partials = gpu.allocate(4 * batch * splits * m * n);
  const end = epilogue(call);
  gpu.dispatch(shaders.matmul_tile, {
    buffers: { ...operands(call), ...end.buffers, out: partials },
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

function lane(call: MatmulCall): void {
  const { gpu, order, size } = call;
  const { m, n, k, batch = 1 } = size;
  if (!lanesFit(gpu, order, size)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: lane variant: expected subgroups of 4 or 8 and rows of whole vec4, got ${gpu.info.subgroupSize ?? "no fixed subgroups"}; use variant "tile"`,
    );
  }
  const end = epilogue(call);
  const lanes = gpu.info.subgroupSize as number;
  gpu.dispatch(shaders.matmul_lane, {
    buffers: { ...operands(call), ...end.buffers },
    params: { m, n, k, batches: batch },
    constants: { ...operandConstants(call), ...end.constants, LANES: lanes },
    groups: tileCount(size, 4 * lanes, 4 * lanes),
  });
}

function row(call: MatmulCall): void {
  const { gpu, order, size } = call;
  const { m, n, k, batch = 1 } = size;
  if (!rowFits(order, size)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: row variant: expected one row in order nn or nt; use variant "tile"`,
    );
  }
  const { A_TRANSPOSED: _, ...operand } = operandConstants(call);
  const width = operand.B_TRANSPOSED ? loadWidth(k) : 1;
  const depth = k / width;
  const end = epilogue(call);
  // Neighbours share a column only where its values lie side by side.
  const { constants, groups } = rowLanes(gpu, batch * n, operand.B_TRANSPOSED ? depth : 1);
  gpu.dispatch(shaders.matmul_row, {
    buffers: { ...operands(call), ...end.buffers },
    params: { n, depth, batches: batch },
    constants: { ...operand, ...end.constants, ...constants, ...quadConstants(width) },
    groups,
  });
}

function outer(call: MatmulCall): void {
  const { m, n, k } = call.size;
  if (!outerFits(call)) {
    throw new KernelError(
      `matmul ${call.order} ${m} x ${n} x ${k}: outer variant: expected order tn, k 1, one product, and no epilogue but a mask and scores; use variant "tile"`,
    );
  }
  const { a, b } = operands(call);
  const { mask, scored, out } = call.buffers;
  const width = loadWidth(n);
  const outerProduct = {
    buffers: { a, b, mask: mask ?? a, scored: scored ?? b, out },
    params: { columns: n / width },
    constants: { SCORE: scored !== undefined, MASK_OUT: mask !== undefined },
    inFours: width === 4,
  };
  dispatchElementwise(call.gpu, shaders.matmul_outer, outerProduct, m * n);
}

export const matmulVariants: Record<MatmulVariant, (call: MatmulCall) => void> = { lane, tile, split, row, outer };

const quadConstants = (width: 1 | 4) => (width === 4 ? { Quad: "vec4f", QUAD: 4 } : {});

/** A product with ones only has the same sum in every column. */
export function rowSum(call: MatmulCall): void {
  const { gpu, buffers, size } = call;
  const rows = size.m * (size.batch ?? 1);
  const width = loadWidth(size.k);
  const depth = size.k / width;
  const end = epilogue(call);
  const { constants, groups } = rowLanes(gpu, rows, Math.max(depth, size.n));
  gpu.dispatch(shaders.matmul_row_sum, {
    buffers: { a: buffers.a, ...end.buffers },
    params: { rows, n: size.n, depth },
    constants: { ...end.constants, ...constants, ...quadConstants(width) },
    groups,
  });
}
