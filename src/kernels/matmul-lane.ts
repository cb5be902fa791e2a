/** The matmul kernel for software drivers, and what it reads of a mask. */
import { KernelError } from "../errors.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, quadConstants, storageBytes } from "./elements.js";
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
  const end = epilogue(call);
  const { A_TRANSPOSED, ...operand } = operandConstants(call);
  const { a, b } = operands(call);
  const lanes = gpu.info.subgroupSize as number;
  const side = 4 * lanes;
  const mask = operand.MASK_B ? indexBlocks(call, end.buffers.mask, lanes) : end.buffers.mask;
  const squareBytes = 4 * side * side;
  const squares = 8 * squareBytes <= gpu.limits.maxComputeWorkgroupStorageSize ? 8 : 4;
  const rows = tileRows(size, side, squares);
  gpu.dispatch(withWeightTerm(shaders.matmul_lane, call.options.term), {
    buffers: { a: A_TRANSPOSED ? transposed(call, a) : a, b, ...end.buffers, mask },
    params: { m, n, k, batches: batch, rows, turns: lanes },
    constants: {
      ...{ ...operand, ...end.constants, LANES: lanes, SQUARES: squares, SPANS: spansATurn(k, side) },
      ...quadConstants(order === "nt" ? loadWidth(k) : loadWidth(k, n), call.options),
    },
    groups: tileCount(size, rows, side),
  });
}

/** Tall tiles load a span of b seldom; small products need more of them. */
function tileRows(size: MatmulSize, side: number, squares: number): number {
  let rows = squares * side;
  while (rows > side && tileCount(size, rows, side) < WANTED_GROUPS) rows /= 2;
  return rows;
}

/** Two spans of k at once are faster than one after the other, unless half of the last two is a large part of k. */
function spansATurn(k: number, side: number): 1 | 2 {
  const spans = Math.ceil(k / side);
  return spans === 1 || spans === 3 ? 1 : 2;
}

/** Rows of a transposed operand lie across memory, where each of their tiles would fetch them anew: they are turned once instead. */
function transposed({ gpu, size: { m, k, batch = 1 }, options }: MatmulCall, x: BufferLike) {
  const out = gpu.allocate(storageBytes(m * k * batch, options.storage ?? "f32"));
  transpose(gpu, { x, out }, { rows: k, columns: m, batch }, options);
  return out;
}

/**
 * Blocks of the masked operand that are not empty, with their bits. It is made for each product, as bits may be written at any time; next to a
 * product of hundreds of rows it costs nothing.
 */
function indexBlocks({ gpu, order, size: { n, k } }: MatmulCall, mask: BufferLike, lanes: number) {
  const block = 4 * lanes;
  const strips = Math.ceil(n / block);
  const blocks = Math.ceil(k / block);
  const index = gpu.allocate(4 * strips * (blocks + 1 + blocks * block));
  const transposed = order === "nt";
  gpu.dispatch(shaders.index_blocks, {
    buffers: { mask, index },
    params: transposed ? { rows: n, columns: k } : { rows: k, columns: n },
    constants: { DOWN: !transposed, LANES: lanes },
    groups: strips,
  });
  return index;
}
