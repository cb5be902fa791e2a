/** Extents of a convolution, and the products of matrices that it is. */
import { ShapeError } from "../errors.js";
import { requireSizes } from "./require.js";

/** Extents of a two-dimensional convolution without dilation. x: batch x channels x height x width. */
export interface Conv2dSize {
  readonly batch: number;
  /** Channels of x. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Channels of y. */
  readonly outputs: number;
  /** Height and width of the kernel. */
  readonly kernel: readonly [height: number, width: number];
  /** 1 by default. */
  readonly stride?: number;
  /** Rows and columns of zeros on each side of x; 0 by default. */
  readonly padding?: number;
  /** Channels of x and of y are cut into so many groups, which do not see each other; `channels` of them is a depthwise convolution. 1 by default. */
  readonly groups?: number;
}

/** Height and width of the result of windows that slide over an image; less than 1 where the window is larger than the padded image. */
export function slide(
  { height, width }: { readonly height: number; readonly width: number },
  [windowHeight, windowWidth]: readonly [height: number, width: number],
  stride = 1,
  padding = 0,
): { height: number; width: number } {
  const steps = (extent: number, window: number) => Math.floor((extent + 2 * padding - window) / stride) + 1;
  return { height: steps(height, windowHeight), width: steps(width, windowWidth) };
}

/** A size with everything that follows from it. */
export interface ConvExtents extends Required<Conv2dSize> {
  /** Height and width of y. */
  readonly out: { readonly height: number; readonly width: number };
  /** Elements of x, y and the weight. */
  readonly lengths: { readonly x: number; readonly y: number; readonly weight: number };
}

/** @throws ShapeError when a size is not what it must be, groups do not divide the channels, or the kernel is larger than the padded image. */
export function convExtents(op: string, size: Conv2dSize): ConvExtents {
  const { stride = 1, padding = 0, groups = 1, batch, channels, height, width, outputs, kernel } = size;
  const positive = { batch, channels, height, width, outputs, "kernel height": kernel[0], "kernel width": kernel[1] };
  requireSizes(op, { ...positive, stride, groups });
  if (!Number.isInteger(padding) || padding < 0) {
    throw new ShapeError(`${op}: padding: expected 0 or a positive integer, got ${padding}`);
  }
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw new ShapeError(`${op}: expected channels in ${groups} equal groups, got ${channels} to ${outputs} channels`);
  }
  const out = slide(size, kernel, stride, padding);
  if (out.height < 1 || out.width < 1) {
    const image = `${height + 2 * padding} x ${width + 2 * padding}`;
    throw new ShapeError(`${op}: expected a kernel within the padded image of ${image}, got ${kernel.join(" x ")}`);
  }
  const lengths = {
    x: batch * channels * height * width,
    y: batch * outputs * out.height * out.width,
    weight: outputs * (channels / groups) * kernel[0] * kernel[1],
  };
  return { ...size, stride, padding, groups, out, lengths };
}

/** A product of matrices for each of `count` groups; its tiles are what workgroups take. */
export interface ConvProduct {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
}

/** y by group, or with `residue` products for each remainder of a pixel's place by the stride, x's gradient. */
export function imageProduct(extents: ConvExtents, inputGrad: boolean): ConvProduct {
  const { batch, channels, outputs, groups, stride, height, width, out } = extents;
  if (!inputGrad) return { rows: outputs / groups, columns: batch * out.height * out.width, count: groups };
  const places = Math.ceil(height / stride) * Math.ceil(width / stride);
  return { rows: channels / groups, columns: batch * places, count: groups * stride * stride };
}

export function weightProduct({ channels, outputs, groups, kernel }: ConvExtents): ConvProduct {
  return { rows: outputs / groups, columns: (channels / groups) * kernel[0] * kernel[1], count: groups };
}

export const productTiles = ({ rows, columns, count }: ConvProduct, tileRows: number, tileColumns: number): number =>
  Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns) * count;
