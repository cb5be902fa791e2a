/** The matmul kernel for software drivers, and what it reads of a mask. */
import { KernelError } from "../errors.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";
import { epilogue, type MatmulCall, operandConstants, operands, quadConstants } from "./matmul-call.js";
import { storedRows, tileCount } from "./matmul-tile.js";
import * as shaders from "./shaders.gen.js";
import { withWeightTerm } from "./weight-term.js";

export function lane(call: MatmulCall): void {
  const { gpu, order, size } = call;
  const { m, n, k, batch = 1 } = size;
  if (!runsLanes(gpu)) {
    throw new KernelError(
      `matmul ${order} ${m} x ${n} x ${k}: lane variant: expected ${LANES_EXPECTED}, got ${gpu.info.subgroupSize ?? "no fixed subgroups"}; use variant "tile"`,
    );
  }
  const end = epilogue(call);
  const operand = operandConstants(call);
  const lanes = gpu.info.subgroupSize as number;
  const mask = operand.MASK_B ? indexBlocks(call, end.buffers.mask, 4 * lanes) : end.buffers.mask;
  gpu.dispatch(withWeightTerm(shaders.matmul_lane, call.options.term), {
    buffers: { ...operands(call), ...end.buffers, mask },
    params: { m, n, k, batches: batch },
    constants: {
      ...{ ...operand, ...end.constants, LANES: lanes },
      ...quadConstants(loadWidth(...storedRows(order, size)), call.options),
    },
    groups: tileCount(size, 4 * lanes, 4 * lanes),
  });
}

/**
 * Blocks of the masked operand that are not empty, with their bits. It is made for each product, as bits may be written at any time; next to a
 * product of hundreds of rows it costs nothing.
 */
function indexBlocks({ gpu, order, size: { n, k } }: MatmulCall, mask: BufferLike, block: number) {
  const strips = Math.ceil(n / block);
  const blocks = Math.ceil(k / block);
  const index = gpu.allocate(4 * strips * (blocks + 1 + blocks * block));
  const transposed = order === "nt";
  gpu.dispatch(shaders.index_blocks, {
    buffers: { mask, index },
    params: transposed ? { rows: n, columns: k } : { rows: k, columns: n },
    constants: { DOWN: !transposed, BLOCK: block },
    groups: strips,
  });
  return index;
}
