/** Arenas: buffers that hold the scores of many tensors, and may be larger than a binding. */
import type { GpuBuffer } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import type { BufferLike } from "./buffers.js";

/** Elements from one place to the next where a binding may begin on every device. */
const ALIGNMENT = 64;

/** A view of `count` elements from `offset` of an arena, and where in it they begin. */
export function arenaWindow(
  op: string,
  arena: BufferLike,
  { offset, count }: { offset: number; count: number },
): { y: GpuBuffer; offset: number } {
  const buffer = bufferOf(arena);
  buffer.assertAlive(op);
  const start = offset - (offset % ALIGNMENT);
  const y = buffer.view(start * 4, (offset + count - start) * 4);
  return { y, offset: offset - start };
}
