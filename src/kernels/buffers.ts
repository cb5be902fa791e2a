import type { BufferOwner, GpuBuffer } from "../gpu/index.js";

/** What kernels take as a buffer: a range, or anything that owns one, such as a Tensor. */
export type BufferLike = GpuBuffer | BufferOwner;
