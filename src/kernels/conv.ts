/** Two-dimensional convolution and its gradients as products of matrices whose operands are gathered from the images, never written out. */
import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { convImages } from "./conv-images.js";
import { type Conv2dSize, type ConvExtents, convExtents } from "./conv-size.js";
import type { ConvVariant } from "./conv-variant.js";
import { convWeight } from "./conv-weight.js";
import { requireElements } from "./elements.js";
import { maskByteLength } from "./mask.js";
import { requireApart } from "./require.js";
import type { WeightAs } from "./weight-as.js";
import type { WeightTermOptions } from "./weight-term.js";

export type { Conv2dSize } from "./conv-size.js";
export type { ConvVariant } from "./conv-variant.js";

/** The weight's elements, and choice of kernel. */
export interface ConvOptions {
  /** What the elements of the weight count as; by default themselves. */
  readonly weightAs?: WeightAs;
  /** Forces a kernel; by default the device and the shape decide. */
  readonly variant?: ConvVariant;
}

/** Operands of `conv2d`, NCHW. */
export interface Conv2dBuffers {
  /** batch x channels x height x width. */
  readonly x: BufferLike;
  /** outputs x (channels / groups) x kernel height x kernel width. */
  readonly weight: BufferLike;
  /** batch x outputs x (height + 2 padding - kernel height) / stride + 1 x the same of the width, rounded down. */
  readonly y: BufferLike;
  /** [outputs]. */
  readonly bias?: BufferLike;
  /** One bit an element of the weight, 1 = keep: the others count as zero. */
  readonly mask?: BufferLike;
}

/**
 * y = x * (weight and mask) + bias, the cross-correlation that deep learning calls convolution; f32.
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when the result shares memory with an operand or a
 * forced variant cannot run here.
 */
export function conv2d(gpu: Gpu, buffers: Conv2dBuffers, size: Conv2dSize, options: ConvOptions = {}): void {
  const extents = convExtents("conv2d", size);
  const { x, weight, y, bias, mask } = buffers;
  requireElements("conv2d", { x, weight, y }, extents.lengths);
  if (bias) requireElements("conv2d", { bias }, { bias: size.outputs });
  checkMask("conv2d", mask, extents);
  requireApart("conv2d", { y }, { x, bias, mask, weight: options.weightAs === "one" ? undefined : weight });
  const call = { gpu, op: "conv2d", extents, inputGrad: false, ...options };
  convImages(call, { source: x, weight, out: y, bias, mask });
}

/**
 * dx = gradient of `conv2d` by x. A masked weight counts as zero.
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when the result shares memory with an operand or a
 * forced variant cannot run here.
 */
export function conv2dInputGrad(
  gpu: Gpu,
  { dy, weight, dx, mask }: { dy: BufferLike; weight: BufferLike; dx: BufferLike; mask?: BufferLike },
  size: Conv2dSize,
  options: ConvOptions = {},
): void {
  const extents = convExtents("conv2dInputGrad", size);
  const { x, y, weight: weights } = extents.lengths;
  requireElements("conv2dInputGrad", { dy, weight, dx }, { dy: y, weight: weights, dx: x });
  checkMask("conv2dInputGrad", mask, extents);
  const read = { dy, mask, weight: options.weightAs === "one" ? undefined : weight };
  requireApart("conv2dInputGrad", { dx }, read);
  const call = { gpu, op: "conv2dInputGrad", extents, inputGrad: true, ...options };
  convImages(call, { source: dy, weight, out: dx, mask });
}

/** Operands of `conv2dWeightGrad`. */
export interface Conv2dWeightGradBuffers {
  readonly x: BufferLike;
  readonly dy: BufferLike;
  /** As the weight. */
  readonly dWeight: BufferLike;
  /** One bit an element of the weight, 1 = keep: the others get zero. */
  readonly mask?: BufferLike;
  /** As the weight: `term` of the gradient and these weights takes the gradient's place. */
  readonly scored?: BufferLike;
}

/**
 * dWeight = gradient of `conv2d` by weight; zero where the mask has a 0, and without a mask for every weight. Sums run over parts of the pixels,
 * then over the parts, in a fixed order.
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when the result shares memory with an operand or a
 * forced variant cannot run here.
 */
export function conv2dWeightGrad(
  gpu: Gpu,
  { x, dy, dWeight, mask, scored }: Conv2dWeightGradBuffers,
  size: Conv2dSize,
  { variant, ...term }: Pick<ConvOptions, "variant"> & WeightTermOptions = {},
): void {
  const op = "conv2dWeightGrad";
  const extents = convExtents(op, size);
  const { lengths } = extents;
  requireElements(op, { x, dy, dWeight }, { x: lengths.x, dy: lengths.y, dWeight: lengths.weight });
  checkMask(op, mask, extents);
  if (scored) requireElements(op, { scored }, { scored: lengths.weight });
  requireApart(op, { dWeight }, { x, mask, scored });
  convWeight({ gpu, op, extents, variant }, { x, dy, out: dWeight, mask, scored }, term);
}

function checkMask(op: string, mask: BufferLike | undefined, { lengths }: ConvExtents): void {
  if (mask) requireElements(op, { mask }, { mask: maskByteLength(lengths.weight) / 4 });
}
