/** Work over many ranges of an arena, in one dispatch for all of them. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { constantTable } from "./constant-table.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";
import type { ScoreRange } from "./sort.js";

/** counts[r] = number of ones in the r-th range of the bits of `mask`; `counts`: u32, one a range. @throws ShapeError when a buffer is too short. */
export function countKeptRanges(
  gpu: Gpu,
  { mask, counts }: { mask: BufferLike; counts: BufferLike },
  ranges: readonly ScoreRange[],
): void {
  requireSizes("countKeptRanges", { ranges: ranges.length });
  const end = Math.max(...ranges.map(({ offset, count }) => offset + count));
  requireElements("countKeptRanges", { mask, counts }, { mask: Math.ceil(end / 32), counts: ranges.length });
  using _table = gpu.scope();
  const table = constantTable(gpu, Uint32Array.from(ranges.flatMap(({ offset, count }) => [offset, count])));
  gpu.dispatch(shaders.count_ranges, {
    buffers: { mask, ranges: table, counts },
    params: { ranges: ranges.length },
    constants: { GROUP: gpu.info.software ? 8 : 256 },
    groups: ranges.length,
  });
}

/** Writes `value` into the u32 `y` over each range. The ranges follow each other from 0, without gaps. */
export function fillRanges(
  gpu: Gpu,
  { y }: { y: BufferLike },
  ranges: readonly (ScoreRange & { readonly value: number })[],
): void {
  const length = ranges.reduce((sum, { count }) => sum + count, 0);
  requireElements("fillRanges", { y }, { y: length });
  using _tables = gpu.scope();
  const starts = constantTable(
    gpu,
    Uint32Array.from(ranges, ({ offset }) => offset),
  );
  const values = constantTable(
    gpu,
    Uint32Array.from(ranges, ({ value }) => value),
  );
  const call = { buffers: { starts, values, y }, params: { ranges: ranges.length }, inFours: false };
  dispatchElementwise(gpu, shaders.fill_ranges, call, length);
}
