/** Convolutions from images to images: forward, and the gradient by the input. Sizes were checked before. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { type ConvCall, kernelConstants, laneConstants, pick, workgroups } from "./conv-dispatch.js";
import { imageProduct, productTiles } from "./conv-size.js";
import { reduceUnits } from "./reduce-units.js";
import * as shaders from "./shaders.gen.js";
import { elementsOf } from "./term.js";
import { type WeightAs, weightConstants } from "./weight-as.js";

/** A convolution, or its gradient by x. */
export interface ImageCall extends ConvCall {
  /** From y to x instead of from x to y. */
  readonly inputGrad: boolean;
  readonly weightAs?: WeightAs;
}

export interface ImageBuffers {
  readonly source: BufferLike;
  readonly weight: BufferLike;
  readonly out: BufferLike;
  readonly bias?: BufferLike;
  readonly mask?: BufferLike;
}

const imageShaders = { lane: shaders.conv_lane, tile: shaders.conv_tile, direct: shaders.conv_direct };

/** y from x, or x's gradient from y's. */
export function convImages(call: ImageCall, buffers: ImageBuffers): void {
  const { gpu, op, extents, inputGrad, weightAs, variant: forced } = call;
  using _placeholder = gpu.scope();
  if (weightAs === "one" && !buffers.mask && !forced) {
    ones(call, buffers);
    return;
  }
  const product = imageProduct(extents, inputGrad);
  const variant = pick(gpu, op, product, forced);
  const rowsOfWeight = inputGrad ? 1 : extents.lengths.weight / extents.outputs;
  gpu.dispatch(imageShaders[variant], {
    buffers: { ...imageBuffers(gpu, buffers), weight: buffers.weight },
    params: imageParams(call, sourceDepth(call)),
    constants: {
      ...imageConstants(call, buffers),
      ...weightConstants(weightAs),
      MASK: buffers.mask !== undefined,
      ...(variant === "lane" && laneConstants(gpu, product, rowsOfWeight)),
    },
    groups: workgroups(gpu, variant, product),
  });
}

/** A weight of ones: the channels of each group are added up first, then the windows, whose sums all channels of the result share. */
function ones(call: ImageCall, buffers: ImageBuffers): void {
  const { gpu, extents, inputGrad } = call;
  const { batch, groups } = extents;
  const { height, width } = inputGrad ? extents.out : extents;
  const depth = sourceDepth(call);
  let { source } = buffers;
  if (depth > 1) {
    source = gpu.allocate(4 * batch * groups * height * width);
    const channels = { bands: batch * groups, outer: depth, period: height * width, inner: 1 };
    reduceUnits(gpu, elementsOf(buffers.source), channels, { y: source });
  }
  const product = imageProduct(extents, inputGrad);
  gpu.dispatch(shaders.conv_ones, {
    buffers: imageBuffers(gpu, { ...buffers, source }),
    params: imageParams(call, 1),
    constants: imageConstants(call, buffers),
    groups: Math.ceil(productTiles(product, ONES.channels, 4) / ONES.group),
  });
}

const ONES = {
  channels: constantNumber(shaders.conv_ones, "CHANNELS"),
  group: constantNumber(shaders.conv_ones, "GROUP"),
};

/** Bindings besides the weight's. An absent part of the epilogue gets a placeholder that the kernel never reads. */
const imageBuffers = (gpu: Gpu, { source, out, mask, bias }: Omit<ImageBuffers, "weight">) => ({
  ...{ source, out, mask: mask ?? source, bias: bias ?? source },
  ...{ gate: source, residual: source, preactivation: gpu.allocate(4) },
});

/** Channels of the source in one group. */
const sourceDepth = ({ extents: { channels, outputs, groups }, inputGrad }: ImageCall) =>
  (inputGrad ? outputs : channels) / groups;

function imageParams({ extents, inputGrad }: ImageCall, depth: number) {
  const { batch, groups, padding } = extents;
  const [from, to] = inputGrad ? [extents.out, extents] : [extents, extents.out];
  return {
    ...{ batch, groups, padding, rows: imageProduct(extents, inputGrad).rows, depth },
    ...{ height: to.height, width: to.width, source_height: from.height, source_width: from.width },
  };
}

const imageConstants = ({ extents, inputGrad }: ImageCall, { bias }: ImageBuffers) => ({
  ...kernelConstants(extents),
  INPUT_GRAD: inputGrad,
  BIAS: bias !== undefined,
});
