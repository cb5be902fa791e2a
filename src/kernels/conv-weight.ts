/** The gradient of a convolution by its weight. Sizes were checked before. */
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { type ConvCall, kernelConstants, laneConstants, pick, workgroups } from "./conv-dispatch.js";
import { weightProduct } from "./conv-size.js";
import { splitLines } from "./conv-variant.js";
import * as shaders from "./shaders.gen.js";
import { type WeightTermOptions, withWeightTerm } from "./weight-term.js";

export interface WeightGradBuffers {
  readonly x: BufferLike;
  readonly dy: BufferLike;
  readonly out: BufferLike;
  readonly mask?: BufferLike;
  readonly scored?: BufferLike;
}

const weightShaders = {
  lane: shaders.conv_weight_lane,
  tile: shaders.conv_weight_tile,
  direct: shaders.conv_weight_direct,
};

/** dWeight, or a term over it and `scored`; in parts that are added up where one sum for each weight would leave the device idle. */
export function convWeight(
  { gpu, op, extents, variant: forced }: ConvCall,
  { x, dy, out: result, mask, scored }: WeightGradBuffers,
  { term, accumulate = false }: WeightTermOptions,
): void {
  using _partials = gpu.scope();
  const product = weightProduct(extents);
  const variant = pick(gpu, op, product, forced);
  const { splits, chunk } = splitLines(gpu, variant, extents, product);
  const { batch, channels, groups, padding, height, width, out, lengths } = extents;
  const end = { out: result, mask: mask ?? x, preactivation: gpu.allocate(4), bias: x, gate: x, residual: scored ?? x };
  const ending = { MASK_OUT: mask !== undefined, SCORE: scored !== undefined, ACCUMULATE: accumulate };
  const partials = splits > 1 ? gpu.allocate(4 * splits * lengths.weight) : result;
  gpu.dispatch(splits === 1 ? withWeightTerm(weightShaders[variant], term) : weightShaders[variant], {
    buffers: { ...end, dy, x, out: partials },
    params: {
      ...{ batch, groups, padding, splits, chunk, rows: product.rows, depth: channels / groups },
      ...{ height: out.height, width: out.width, source_height: height, source_width: width },
    },
    constants: {
      ...kernelConstants(extents),
      ...(splits === 1 && ending),
      ...(variant === "lane" && laneConstants(gpu, product, out.width)),
    },
    groups: workgroups(gpu, variant, { ...product, count: product.count * splits }),
  });
  if (splits === 1) return;
  gpu.dispatch(withWeightTerm(shaders.matmul_sum, term), {
    buffers: { ...end, partials },
    params: { values: lengths.weight, row_values: lengths.weight, splits, batches: 1 },
    constants: ending,
    groups: Math.ceil(lengths.weight / constantNumber(shaders.matmul_sum, "GROUP")),
  });
}
