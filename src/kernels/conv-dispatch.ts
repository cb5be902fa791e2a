/** What the dispatches of all convolution kernels have in common. */
import { KernelError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { type ConvExtents, type ConvProduct, productTiles } from "./conv-size.js";
import { type ConvVariant, chooseConvVariant, halfTile, tileSides } from "./conv-variant.js";
import { loadWidth } from "./elements.js";
import { LANES_EXPECTED, runsLanes } from "./lanes.js";
import * as shaders from "./shaders.gen.js";

/** One use of a convolution; `op` names it in errors. */
export interface ConvCall {
  readonly gpu: Gpu;
  readonly op: string;
  readonly extents: ConvExtents;
  readonly variant?: ConvVariant;
}

/** Constants of shaders/shared/conv_product.wgsl and conv_weight_product.wgsl. */
export const kernelConstants = ({ kernel, stride }: ConvExtents) => ({
  KERNEL_HEIGHT: kernel[0],
  KERNEL_WIDTH: kernel[1],
  STRIDE: stride,
});

/** The lane kernels read one operand as vec4 where its rows are whole ones. */
export const laneConstants = (gpu: Gpu, product: ConvProduct, row: number) => ({
  LANES: gpu.info.subgroupSize as number,
  HALF: halfTile(gpu, product),
  ...(loadWidth(row) === 4 && { Quad: "vec4f", QUAD: 4 }),
});

export function workgroups(gpu: Gpu, variant: ConvVariant, product: ConvProduct): number {
  const tiles = productTiles(product, ...tileSides(gpu, variant, product));
  return variant === "direct" ? Math.ceil(tiles / constantNumber(shaders.conv_direct, "GROUP")) : tiles;
}

/** @throws KernelError when a forced variant cannot run here. */
export function pick(gpu: Gpu, op: string, product: ConvProduct, forced: ConvVariant | undefined): ConvVariant {
  const variant = forced ?? chooseConvVariant(gpu, product);
  if (variant === "lane" && !runsLanes(gpu)) {
    const got = gpu.info.subgroupSize ?? "no fixed subgroups";
    throw new KernelError(`${op}: lane variant: expected ${LANES_EXPECTED}, got ${got}; use variant "tile"`);
  }
  return variant;
}
