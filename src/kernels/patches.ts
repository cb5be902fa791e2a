import { ShapeError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** Extents of images and the side of a patch. */
export interface PatchSize {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Side of a square patch; divides height and width. */
  readonly patch: number;
}

/**
 * Cuts images (batch x channels x height x width) into rows of pixels: patches is (batch * tokens) x (channels * patch * patch), tokens in reading order,
 * columns in the order of a convolution's weight (channel, y, x), so that patch embedding is one matmul. Both are of one storage.
 * @throws ShapeError when patch does not divide the image, or a buffer is too short.
 */
export function patchify(
  gpu: Gpu,
  { images, patches }: { images: BufferLike; patches: BufferLike },
  size: PatchSize,
  options: StorageOptions = {},
): void {
  move(gpu, "patchify", images, patches, size, false, options);
}

/**
 * Gradient of `patchify`: the pixels' gradients back at their places.
 * @throws ShapeError when patch does not divide the image, or a buffer is too short.
 */
export function patchifyGrad(
  gpu: Gpu,
  { dPatches, dImages }: { dPatches: BufferLike; dImages: BufferLike },
  size: PatchSize,
): void {
  move(gpu, "patchifyGrad", dPatches, dImages, size, true);
}

function move(
  gpu: Gpu,
  op: string,
  source: BufferLike,
  moved: BufferLike,
  { batch, channels, height, width, patch }: PatchSize,
  inverse: boolean,
  { storage }: StorageOptions = {},
): void {
  requireSizes(op, { batch, channels, height, width, patch });
  if (height % patch !== 0 || width % patch !== 0) {
    throw new ShapeError(
      `${op}: expected sides in steps of the patch's ${patch}, got ${height} x ${width}; crop or resize`,
    );
  }
  const length = batch * channels * height * width;
  requireElements(op, { source, moved }, { source: length, moved: length }, storage);
  const call = {
    buffers: { source, moved },
    constants: { INVERSE: inverse, CHANNELS: channels, HEIGHT: height, COLUMNS: width, SIDE: patch },
    inFours: patch % 4 === 0,
    storage,
  };
  dispatchElementwise(gpu, shaders.patchify, call, length);
}
