import { FormatError } from "../errors.js";
import type { SampleArrays } from "./dataset.js";
import { shapeText } from "./text.js";

/** A file of MNIST's idx format: u8 values of any number of dimensions. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Parses an idx file: bytes 0, 0, type (8 = u8), number of dimensions, big-endian u32 sizes, data.
 *
 * @param dimensions - how many the file must have: 3 for images, 1 for labels
 * @throws FormatError for another type, number of dimensions or length.
 */
export function parseIdx(bytes: Uint8Array, dimensions: number, source: string): IdxArray {
  const start = 4 + 4 * dimensions;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = 0x0800 + dimensions;
  if (bytes.length < start || view.getUint32(0) !== magic) {
    throw new FormatError(
      `${source}: expected an idx file of u8 with ${dimensions} dimensions, got other bytes; fetch the file again`,
    );
  }
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (bytes.length - start !== size) {
    throw new FormatError(
      `${source}: expected ${size} bytes for ${shapeText(shape)}, got ${bytes.length - start}; fetch the file again`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}

/** Samples `[N, 1, H, W]` from an images file and a labels file. */
export function idxSamples(images: IdxArray, labels: IdxArray): SampleArrays {
  const [count, height, width] = images.shape;
  return { shape: [count, 1, height, width], data: images.data, labels: labels.data };
}
