/** Two-dimensional convolution and its gradients as products of matrices whose operands are gathered from the images, never written out. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import {
  type Conv2dSize,
  type ConvExtents,
  type ConvProduct,
  convExtents,
  imageProduct,
  productTiles,
  weightProduct,
} from "./conv-size.js";
import { type ConvVariant, chooseConvVariant, convLanesFit, halfTile, splitLines, tileSides } from "./conv-variant.js";
import { loadWidth, requireElements } from "./elements.js";
import { maskByteLength } from "./mask.js";
import * as shaders from "./shaders.gen.js";

export type { Conv2dSize } from "./conv-size.js";
export type { ConvVariant } from "./conv-variant.js";

/** Choice of kernel. */
export interface ConvOptions {
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
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when a forced variant cannot run here.
 */
export function conv2d(gpu: Gpu, buffers: Conv2dBuffers, size: Conv2dSize, options: ConvOptions = {}): void {
  const extents = convExtents("conv2d", size);
  const { x, weight, y, bias, mask } = buffers;
  requireElements("conv2d", { x, weight, y }, extents.lengths);
  if (bias) requireElements("conv2d", { bias }, { bias: size.outputs });
  onImages(gpu, "conv2d", { source: x, weight, out: y, bias, mask }, extents, false, options);
}

/**
 * dx = gradient of `conv2d` by x. A masked weight counts as zero.
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when a forced variant cannot run here.
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
  onImages(gpu, "conv2dInputGrad", { source: dy, weight, out: dx, mask }, extents, true, options);
}

/**
 * dWeight = gradient of `conv2d` by weight; zero where the mask has a 0, and without a mask for every weight. Sums run over parts of the pixels,
 * then over the parts, in a fixed order.
 * @throws ShapeError when a size is wrong or a buffer too short; KernelError when a forced variant cannot run here.
 */
export function conv2dWeightGrad(
  gpu: Gpu,
  { x, dy, dWeight, mask }: { x: BufferLike; dy: BufferLike; dWeight: BufferLike; mask?: BufferLike },
  size: Conv2dSize,
  { variant: forced }: ConvOptions = {},
): void {
  const op = "conv2dWeightGrad";
  const extents = convExtents(op, size);
  const { lengths } = extents;
  requireElements(op, { x, dy, dWeight }, { x: lengths.x, dy: lengths.y, dWeight: lengths.weight });
  checkMask(op, mask, extents);
  using _partials = gpu.scope();
  const product = weightProduct(extents);
  const variant = pick(gpu, op, product, forced);
  const { splits, chunk } = splitLines(gpu, variant, extents, product);
  const { batch, groups, padding, height, width, out } = extents;
  const result = { out: dWeight, mask: mask ?? x, preactivation: gpu.allocate(4), bias: x, gate: x, residual: x };
  const masked = { MASK_OUT: mask !== undefined };
  const partials = splits > 1 ? gpu.allocate(4 * splits * lengths.weight) : dWeight;
  gpu.dispatch(weightShaders[variant], {
    buffers: { ...result, dy, x, out: partials },
    params: {
      ...{ batch, groups, padding, splits, chunk, rows: product.rows, depth: extents.channels / groups },
      ...{ height: out.height, width: out.width, source_height: height, source_width: width },
    },
    constants: {
      ...kernelConstants(extents),
      ...(splits === 1 && masked),
      ...(variant === "lane" && laneConstants(gpu, product, out.width)),
    },
    groups: workgroups(gpu, variant, { ...product, count: product.count * splits }),
  });
  if (splits === 1) return;
  gpu.dispatch(shaders.matmul_sum, {
    buffers: { ...result, partials },
    params: { elements: lengths.weight, n: lengths.weight, splits, batches: 1 },
    constants: masked,
    groups: Math.ceil(lengths.weight / constantNumber(shaders.matmul_sum, "GROUP")),
  });
}

const imageShaders = { lane: shaders.conv_lane, tile: shaders.conv_tile, direct: shaders.conv_direct };
const weightShaders = {
  lane: shaders.conv_weight_lane,
  tile: shaders.conv_weight_tile,
  direct: shaders.conv_weight_direct,
};

interface ImageBuffers {
  readonly source: BufferLike;
  readonly weight: BufferLike;
  readonly out: BufferLike;
  readonly bias?: BufferLike;
  readonly mask?: BufferLike;
}

function onImages(
  gpu: Gpu,
  op: string,
  { source, weight, out, bias, mask }: ImageBuffers,
  extents: ConvExtents,
  inputGrad: boolean,
  { variant: forced }: ConvOptions,
): void {
  checkMask(op, mask, extents);
  using _placeholder = gpu.scope();
  const product = imageProduct(extents, inputGrad);
  const variant = pick(gpu, op, product, forced);
  const { batch, groups, padding, channels, outputs } = extents;
  const [from, to] = inputGrad ? [extents.out, extents] : [extents, extents.out];
  const depth = (inputGrad ? outputs : channels) / groups;
  const absent = { gate: source, residual: source, preactivation: gpu.allocate(4) };
  const rowsOfWeight = inputGrad ? 1 : extents.lengths.weight / outputs;
  gpu.dispatch(imageShaders[variant], {
    buffers: { ...absent, weight, source, out, mask: mask ?? source, bias: bias ?? source },
    params: {
      ...{ batch, groups, padding, rows: product.rows, depth },
      ...{ height: to.height, width: to.width, source_height: from.height, source_width: from.width },
    },
    constants: {
      ...kernelConstants(extents),
      INPUT_GRAD: inputGrad,
      MASK: mask !== undefined,
      BIAS: bias !== undefined,
      ...(variant === "lane" && laneConstants(gpu, product, rowsOfWeight)),
    },
    groups: workgroups(gpu, variant, product),
  });
}

const kernelConstants = ({ kernel, stride }: ConvExtents) => ({
  KERNEL_HEIGHT: kernel[0],
  KERNEL_WIDTH: kernel[1],
  STRIDE: stride,
});

/** The lane kernels read one operand as vec4 where its rows are whole ones. */
const laneConstants = (gpu: Gpu, product: ConvProduct, row: number) => ({
  LANES: gpu.info.subgroupSize as number,
  HALF: halfTile(gpu, product),
  ...(loadWidth(row) === 4 && { Quad: "vec4f", QUAD: 4 }),
});

function workgroups(gpu: Gpu, variant: ConvVariant, product: ConvProduct): number {
  const tiles = productTiles(product, ...tileSides(gpu, variant, product));
  return variant === "direct" ? Math.ceil(tiles / constantNumber(shaders.conv_direct, "GROUP")) : tiles;
}

function pick(gpu: Gpu, op: string, product: ConvProduct, forced: ConvVariant | undefined): ConvVariant {
  const variant = forced ?? chooseConvVariant(gpu, product);
  if (variant === "lane" && !convLanesFit(gpu)) {
    const got = gpu.info.subgroupSize ?? "no fixed subgroups";
    throw new KernelError(`${op}: lane variant: expected subgroups of 4 or 8, got ${got}; use variant "tile"`);
  }
  return variant;
}

function checkMask(op: string, mask: BufferLike | undefined, { lengths }: ConvExtents): void {
  if (mask) requireElements(op, { mask }, { mask: maskByteLength(lengths.weight) / 4 });
}
