/** Rows of a table by their numbers, and the sums that go back to them. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import { sortScores } from "./sort.js";

/** Extents of a table and of what is looked up in it. */
export interface EmbeddingSize {
  /** Rows of the table; at most 2^31 - 2^23. */
  readonly rows: number;
  readonly width: number;
  /** Numbers looked up. */
  readonly count: number;
}

/**
 * y[i] = table[ids[i]]. table: rows x width, f32; ids: [count], u32, each below `rows`, which is not checked; y: count x width.
 * @throws ShapeError when a buffer is too short.
 */
export function embedding(
  gpu: Gpu,
  { table, ids, y }: { table: BufferLike; ids: BufferLike; y: BufferLike },
  { rows, width, count }: EmbeddingSize,
): void {
  requireSizes("embedding", { rows, width, count });
  requireElements("embedding", { table, ids, y }, { table: rows * width, ids: count, y: count * width });
  const call = { buffers: { table, ids, y }, params: { width }, inFours: width % 4 === 0 };
  dispatchElementwise(gpu, shaders.embedding, call, count * width);
}

/**
 * Gradient of `embedding` by its table: dTable[r] = the sum of dy[i] over all i with ids[i] = r, in the order of i; zero for rows that nobody looked
 * up. The ids are sorted, so that each row has its terms side by side: no atomics, and two runs give the same bits.
 * @throws ShapeError when a buffer is too short.
 */
export function embeddingGrad(
  gpu: Gpu,
  { ids, dy, dTable }: { ids: BufferLike; dy: BufferLike; dTable: BufferLike },
  { rows, width, count }: EmbeddingSize,
): void {
  const lengths = { ids: count, dy: count * width, dTable: rows * width };
  requireSizes("embeddingGrad", { rows, width, count });
  requireElements("embeddingGrad", { ids, dy, dTable }, lengths);
  using _temporaries = gpu.scope();
  const [keys, permutation] = [gpu.allocate(count * 4), gpu.allocate(count * 4)];
  // Whole numbers sort as the floats with their bits do.
  sortScores(gpu, { scores: ids, keys, permutation }, { offset: 0, count });
  const call = {
    buffers: { keys, permutation, dy, d_table: dTable },
    params: { count, width },
    inFours: width % 4 === 0,
  };
  dispatchElementwise(gpu, shaders.embedding_grad, call, rows * width);
}
