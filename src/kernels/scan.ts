/** Prefix sums. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements } from "./elements.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** How a block is cut: EACH neighbours for each of GROUP invocations. */
export interface ScanBlock {
  readonly GROUP: number;
  readonly EACH: number;
}

const BLOCKS = {
  /** A workgroup runs on one core: few invocations, each with much to do. */
  software: { GROUP: 8, EACH: 64 },
  hardware: { GROUP: 256, EACH: 4 },
} as const;

/** What is summed, and how. */
export interface ScanSize {
  readonly length: number;
  readonly type: "u32" | "f32";
  /** Leaves element i out of sum i. */
  readonly exclusive?: boolean;
}

/**
 * y[i] = x[0] + ... + x[i], or up to x[i - 1] with `exclusive`. u32 sums are exact modulo 2^32. f32 sums have a fixed order, blocks of a
 * constant size under a tree of blocks, so that their error grows with the logarithm of the length; of terms that are all positive they may
 * fall by a rounding error between neighbours.
 * @throws ShapeError when a buffer is too short.
 */
export function scan(
  gpu: Gpu,
  { x, y }: { x: BufferLike; y: BufferLike },
  { length, type, exclusive = false }: ScanSize,
  block: ScanBlock = BLOCKS[gpu.info.software ? "software" : "hardware"],
): void {
  requireSizes("scan", { length });
  requireElements("scan", { x, y }, { x: length, y: length });
  using _temporaries = gpu.scope();
  const constants = { ...block, Term: type };
  const blocks = Math.ceil(length / (block.GROUP * block.EACH));
  const before = gpu.allocate(blocks * 4);
  if (blocks === 1) gpu.clear(before);
  else {
    const sums = gpu.allocate(blocks * 4);
    gpu.dispatch(shaders.scan_sums, { buffers: { x, sums }, params: { length, blocks }, constants, groups: blocks });
    scan(gpu, { x: sums, y: before }, { length: blocks, type, exclusive: true }, block);
  }
  gpu.dispatch(shaders.scan, {
    buffers: { x, before, y },
    params: { length },
    constants: { ...constants, EXCLUSIVE: exclusive },
    groups: blocks,
  });
}
