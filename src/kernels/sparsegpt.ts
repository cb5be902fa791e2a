import { ShapeError, UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { choleskyUpper } from "./cholesky.js";
import type { DampedSize } from "./damp.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { rankUpdate } from "./rank-update.js";
import { requireSizes } from "./require.js";
import { selectSmallest } from "./select.js";
import * as shaders from "./shaders.gen.js";
import { takeKept } from "./take-kept.js";

/** Columns that are swept before the later ones are updated. */
const BLOCK = constantNumber(shaders.sparsegpt_mask, "BLOCK");

/** A layer's weight [rows, columns]; damping of its moment, 0.01 in the literature. */
export interface SparseGptSize extends Omit<DampedSize, "n"> {
  readonly rows: number;
  readonly columns: number;
}

/**
 * What the sweep removes by itself, by lowest (w / u_qq)^2 when it gets there: a part of each block of 128 columns over all rows, rounded to whole
 * weights; or all but `keep` of every `of` neighbours in a row, `of` a divisor of 32 and of the columns.
 */
export type SparseGptChoice = { readonly sparsity: number } | { readonly keep: number; readonly of: number };

/** A layer and the second moment of its inputs. */
export type SparseGptBuffers = { readonly weight: BufferLike; readonly mask: BufferLike; readonly moment: BufferLike };

/**
 * SparseGPT's sweep (Frantar and Alistarh 2023) over the weight of a linear layer: columns from left to right; the error of a removed weight is
 * spread over the later columns of its row, e_q = w_q / u_qq, w_j -= e_q u_qj, with u of `choleskyUpper`, u^T u = (moment + damping * mean(diagonal)
 * * I)^-1. Blocks of 128 columns are swept in one dispatch, and then update the rest by one product.
 *
 * weight: [rows, columns] f32, changed in place; removed weights keep the value that they had before, so that the mask can be lifted. mask: one bit a
 * weight, 1 = keep; without `choice` it is read, with it written. moment: X^T X [columns, columns] f32. rows columns^2 operations beside the
 * factorisation's 2/3 columns^3.
 * @throws ShapeError when a buffer is too short. @throws UsageError for a choice out of range.
 */
export function sparseGptSweep(
  gpu: Gpu,
  { weight, mask, moment }: SparseGptBuffers,
  { rows, columns, damping }: SparseGptSize,
  choice?: SparseGptChoice,
): void {
  if (choice) checkChoice(choice, columns);
  const length = rows * columns;
  requireSizes("sparseGptSweep", { rows, columns });
  requireElements("sparseGptSweep", { weight, mask }, { weight: length, mask: Math.ceil(length / 32) });
  using _temporaries = gpu.scope();
  const u = gpu.allocate(4 * columns * columns);
  choleskyUpper(gpu, { a: moment, u }, { n: columns, damping });
  const swept = gpu.allocate(4 * length);
  gpu.copy(bufferOf(weight), swept, 4 * length);
  const errors = gpu.allocate(4 * BLOCK * rows);
  const blocks = Math.ceil(columns / BLOCK);
  const bits = rows * BLOCK; // of a block, in words that no other row or block shares
  const chosen = choice && gpu.allocate((blocks * bits) / 8);
  const scores = choice && "sparsity" in choice ? gpu.allocate(4 * blocks * bits) : undefined;

  for (let block = 0; block < blocks; block++) {
    const first = block * BLOCK;
    const width = Math.min(BLOCK, columns - first);
    const uRows = u.view(4 * columns * first, 4 * columns * width);
    if (scores) {
      const call = { buffers: { w: swept, u: uRows, y: scores }, inFours: false };
      const params = { columns, first, width, start_score: block * bits };
      dispatchElementwise(gpu, shaders.sparsegpt_scores, { ...call, params }, bits);
      const prune = Math.round((choice as { sparsity: number }).sparsity * rows * width);
      const range = { offset: block * bits, count: bits, prune, ties: "lowest-index" } as const;
      selectSmallest(gpu, { scores, keep: chosen! }, range);
    }
    const place = chosen ? { mask_first: block * bits, mask_pitch: BLOCK } : { mask_first: first, mask_pitch: columns };
    sweepBlock(
      gpu,
      { u: uRows, w: swept, mask: chosen ?? mask, errors },
      { rows, columns, first, width, ...place },
      choice,
    );
    if (block < blocks - 1) {
      const update = { rows, columns, depth: width, firstColumn: first + BLOCK, scale: -1 };
      rankUpdate(gpu, { a: errors, b: uRows, out: swept }, update);
    }
  }
  if (chosen) {
    const call = { buffers: { blocks: chosen, mask }, params: { rows, columns }, inFours: false };
    dispatchElementwise(gpu, shaders.sparsegpt_mask, call, Math.ceil(length / 32));
  }
  takeKept(gpu, { x: swept, mask, y: weight }, { length });
}

function checkChoice(choice: SparseGptChoice, columns: number): void {
  if ("sparsity" in choice) {
    if (choice.sparsity >= 0 && choice.sparsity <= 1) return;
    throw new UsageError(`sparseGptSweep: expected a sparsity from 0 to 1, got ${choice.sparsity}`);
  }
  const { keep, of } = choice;
  if (!Number.isInteger(keep) || keep < 0 || keep > of) {
    throw new UsageError(`sparseGptSweep: expected to keep 0 to ${of} of ${of} weights, got ${keep}`);
  }
  if (32 % of !== 0 || columns % of !== 0) {
    const rule = `groups of a divisor of 32 and of the ${columns} columns`;
    throw new ShapeError(`sparseGptSweep: expected ${rule}, got ${of}; choose another pattern`);
  }
}

type BlockParams = Record<(typeof shaders.sparsegpt_block.params)[number]["name"], number>;

function sweepBlock(
  gpu: Gpu,
  buffers: { u: BufferLike; w: BufferLike; mask: BufferLike; errors: BufferLike },
  params: BlockParams,
  choice: SparseGptChoice | undefined,
): void {
  const pattern = choice && "of" in choice ? choice : undefined;
  const width = loadWidth(params.columns, pattern?.of ?? 4);
  const group = gpu.info.software ? 8 : constantNumber(shaders.sparsegpt_block, "GROUP");
  const choose = pattern && { CHOOSE: true, GROUP_OF: pattern.of, REMOVED: pattern.of - pattern.keep };
  gpu.dispatch(shaders.sparsegpt_block, {
    buffers,
    params,
    constants: { ...valueConstants(shaders.sparsegpt_block, width), ...choose, GROUP: group },
    groups: Math.ceil(params.rows / group),
  });
}
