/** The matmul kernel for software drivers. */
import { KernelError } from "../errors.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, quadConstants, storageBytes, valueConstants } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";
import type { MatmulSize } from "./matmul.js";
import { epilogue, type MatmulCall, operandConstants, operands } from "./matmul-call.js";
import { tileCount } from "./matmul-tile.js";
import * as shaders from "./shaders.gen.js";
import { transpose } from "./transpose.js";
import { withWeightTerm } from "./weight-term.js";

/** Workgroups that keep the cores of a CPU busy. */
const WANTED_GROUPS = 6;

export function lane(call: MatmulCall): void {
  const { gpu, order, size } = call;
  const { m, n, k, batch = 1 } = size;
  if (!runsLanes(gpu)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: lane variant: expected ${LANES_EXPECTED}, got ${gpu.info.subgroupSize ?? "no fixed subgroups"}; use variant "tile"`,
    );
  }
  const lanes = gpu.info.subgroupSize as number;
  const side = 4 * lanes;
  const squareBytes = 4 * side * side;
  const squares = 8 * squareBytes <= gpu.limits.maxComputeWorkgroupStorageSize ? 8 : 4;
  const width = loadWidth(n);
  const end = epilogue(call, width);
  const { A_TRANSPOSED, ...operand } = operandConstants(call);
  const { a, b } = operands(call);
  const masked = end.constants.MASK_OUT;
  const swapped = A_TRANSPOSED && turnsB(call, side, squares);
  const product = swapped ? { ...size, m: n, n: m } : size; // as the kernel has it: rows pass by, columns stay
  const rows = tileRows(product, side, squares, masked ? side : swapped ? 4 : 1);
  const spans = spansATurn(k, side);
  const streams = swapped ? { a: transposed(call, b, n), b: a } : { a: A_TRANSPOSED ? transposed(call, a, m) : a, b };
  gpu.dispatch(withWeightTerm(shaders.matmul_lane, call.options.term, width), {
    buffers: { ...streams, ...end.buffers },
    params: { m: product.m, n: product.n, k, batches: batch, rows, turns: lanes, spans },
    constants: {
      ...{ ...operand, ...end.constants, LANES: lanes, SQUARES: squares, SPANS: spans, OUT_TRANSPOSED: swapped },
      ONE_TURN: k <= spans * side && !masked && !swapped,
      STRADDLE: (order === "nt" ? k : n) % side !== 0, // rows of the mask
      ...valueConstants(shaders.matmul_lane, width),
      ...quadConstants(order === "nt" ? loadWidth(k) : loadWidth(k, product.n), call.options),
    },
    groups: tileCount(product, rows, side),
  });
}

/**
 * Tall tiles load a span of b seldom; small products need more of them. All have nearly the same height, as lavapipe hands each core one half of a
 * dispatch; with squares of a mask to skip, whole squares.
 * @param step - all heights are multiples of it
 */
function tileRows(size: MatmulSize, side: number, squares: number, step: number): number {
  let rows = squares * side;
  while (rows > side && tileCount(size, rows, side) < WANTED_GROUPS) rows /= 2;
  return Math.ceil(size.m / Math.ceil(size.m / rows) / step) * step;
}

/** Time of a span of k by how many are added to a row's sums at once: in between these rest in memory. Where four are, it is 1. */
const SPAN_COSTS = { 1: 1.3, 2: 1.04, 4: 1 } as const;

/** How many spans of k at once take the least time: those of the last turn past the end of k cost as much as others. */
function spansATurn(k: number, side: number): 1 | 2 | 4 {
  const spans = Math.ceil(k / side);
  const cost = (each: 1 | 2 | 4) => Math.ceil(spans / each) * each * SPAN_COSTS[each];
  return ([1, 2, 4] as const).reduce((best, each) => (cost(each) < cost(best) ? each : best));
}

/** Time to load a tile's spans of the operand that stays, where that to turn one row of the other is 1. */
const TILE_COST = 27;

/** Whether it takes less time to turn b, and to write out by its rows, than to turn a: with wide weights a is the larger one. */
function turnsB({ size: { m, n } }: MatmulCall, side: number, squares: number): boolean {
  const cost = (rows: number, columns: number) =>
    rows + TILE_COST * Math.ceil(rows / (squares * side)) * Math.ceil(columns / side);
  return cost(n, m) < cost(m, n);
}

/** Rows of a transposed operand, k x columns, lie across memory, where each of their tiles would fetch them anew: they are turned once instead. */
function transposed({ gpu, size: { k, batch = 1 }, options }: MatmulCall, x: BufferLike, columns: number) {
  const out = gpu.allocate(storageBytes(columns * k * batch, options.storage ?? "f32"));
  transpose(gpu, { x, out }, { rows: k, columns, batch }, options);
  return out;
}
