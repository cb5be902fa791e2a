/** Pixels of 8 bits, row by row, `channels` values (RGB, or grey) for each. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/**
 * Takes RGB or grey out of RGBA pixels; alpha is dropped, not blended, as Pillow's `convert` does.
 * Grey is Pillow's ITU-R 601 luma: (19595 R + 38470 G + 7471 B + 32768) >> 16.
 */
export function fromRgba(rgba: ArrayLike<number>, width: number, height: number, channels: 1 | 3): Image {
  const data = new Uint8Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const r = rgba[4 * pixel];
    const g = rgba[4 * pixel + 1];
    const b = rgba[4 * pixel + 2];
    if (channels === 1) data[pixel] = (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;
    else {
      data[3 * pixel] = r;
      data[3 * pixel + 1] = g;
      data[3 * pixel + 2] = b;
    }
  }
  return { width, height, channels, data };
}
