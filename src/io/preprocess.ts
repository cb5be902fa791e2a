import { FormatError } from "../errors.js";
import type { Preprocess } from "./config.js";
import type { Image } from "./image.js";
import { maxPixels } from "./image-header.js";
import { resize } from "./resize.js";

/**
 * Resizes and crops an image to `size` x `size` as torchvision does on Pillow images: to floor(size / cropPct) first,
 * then the centre. An image that has its size already is not resampled.
 *
 * @param source - name of the file, for messages
 * @throws FormatError for an image so long and narrow that resizing its shorter side would need absurd memory.
 */
export function fitImage(image: Image, size: number, preprocess: Preprocess, source: string): Image {
  const { cropPct, cropMode, interpolation } = preprocess;
  const target = Math.floor(size / cropPct);
  const shorter = Math.min(image.width, image.height);
  const scaled = (side: number) => (cropMode === "squash" ? target : Math.floor((target * side) / shorter));
  const [width, height] = [scaled(image.width), scaled(image.height)];
  if (width * height > maxPixels) {
    throw new FormatError(
      `${source}: expected at most ${maxPixels} pixels after resizing, got ${width} x ${height}; crop or remove it`,
    );
  }
  return cropCentre(resize(image, width, height, interpolation), size);
}

function cropCentre(image: Image, size: number): Image {
  const { width, height, channels, data } = image;
  if (width === size && height === size) return image;
  const top = roundHalfEven((height - size) / 2);
  const left = roundHalfEven((width - size) / 2);
  const out = new Uint8Array(size * size * channels);
  for (let row = 0; row < size; row++) {
    const start = ((top + row) * width + left) * channels;
    out.set(data.subarray(start, start + size * channels), row * size * channels);
  }
  return { width: size, height: size, channels, data: out };
}

/** Python's `round`, which torchvision centres with. */
function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * The 256 values of each channel after (value / 255 - mean) / std, rounded to f32 after each step as torchvision does.
 */
export function normalizeTable({ mean, std }: Pick<Preprocess, "mean" | "std">): Float32Array[] {
  const f32 = Math.fround;
  return mean.map((centre, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => f32(f32(value / 255) - f32(centre)) / f32(std[channel])),
  );
}

/** Planar u8 `[C, ...]`, as datasets keep images, from interleaved pixels. */
export function toPlanar({ width, height, channels, data }: Image): Uint8Array {
  if (channels === 1) return data;
  const area = width * height;
  const planar = new Uint8Array(area * channels);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      planar[channel * area + pixel] = data[pixel * channels + channel];
    }
  }
  return planar;
}

/** Writes the normalised values of one planar u8 sample to `out` from `offset`. */
export function normalizeInto(
  planar: Uint8Array,
  table: readonly Float32Array[],
  out: Float32Array,
  offset: number,
): void {
  const area = planar.length / table.length;
  for (const [channel, values] of table.entries()) {
    for (let i = channel * area; i < (channel + 1) * area; i++) out[offset + i] = values[planar[i]];
  }
}
