/** One dispatch, or two, for each variant of matmul. Sizes were checked before. */
import { KernelError } from "../errors.js";
import { loadWidth, quadConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { epilogue, type MatmulCall, operandConstants, operands } from "./matmul-call.js";
import { lane } from "./matmul-lane.js";
import { subgroupMatrix } from "./matmul-subgroup-matrix.js";
import { split, TILE_NAMES, type TileName, tile } from "./matmul-tile.js";
import { type MatmulVariant, outerFits, rowFits } from "./matmul-variant.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";
import { withWeightTerm } from "./weight-term.js";

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
  gpu.dispatch(withWeightTerm(shaders.matmul_row, call.options.term), {
    buffers: { ...operands(call), ...end.buffers },
    params: { n, depth, batches: batch },
    constants: { ...operand, ...end.constants, ...constants, ...quadConstants(width, call.options) },
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
  const { term, accumulate = false } = call.options;
  const width = loadWidth(n);
  const outerProduct = {
    buffers: { a, b, mask: mask ?? a, scored: scored ?? b, out },
    params: { columns: n / width },
    constants: { SCORE: scored !== undefined, ACCUMULATE: accumulate, MASK_OUT: mask !== undefined },
    inFours: width === 4,
  };
  const kernel = (width: 1 | 4) => withWeightTerm(shaders.matmul_outer, term, width);
  dispatchElementwise(call.gpu, kernel, outerProduct, m * n);
}

type Run = (call: MatmulCall) => void;

const tiles = Object.fromEntries(
  TILE_NAMES.flatMap((name): [string, Run][] => [
    [`tile ${name}`, (call) => tile(call, name)],
    [`split ${name}`, (call) => split(call, name)],
  ]),
) as Record<`${"tile" | "split"} ${TileName}`, Run>;

export const matmulVariants: Record<MatmulVariant, Run> = {
  ...{ lane, tile, split, row, outer, ...tiles },
  "subgroup matrix": subgroupMatrix,
};

/** A product with ones only has the same sum in every column. */
export function rowSum(call: MatmulCall): void {
  const { gpu, buffers, size } = call;
  const rows = size.m * (size.batch ?? 1);
  const width = loadWidth(size.k);
  const depth = size.k / width;
  const end = epilogue(call);
  const { constants, groups } = rowLanes(gpu, rows, Math.max(depth, size.n));
  gpu.dispatch(withWeightTerm(shaders.matmul_row_sum, call.options.term), {
    buffers: { a: buffers.a, ...end.buffers },
    params: { rows, n: size.n, depth },
    constants: { ...end.constants, ...constants, ...quadConstants(width, call.options) },
    groups,
  });
}
