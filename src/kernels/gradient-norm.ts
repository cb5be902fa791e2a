import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, requireElements, valueConstants } from "./elements.js";
import { SCHEDULE } from "./optimizer.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

const GROUP = constantNumber(shaders.sum_squares, "GROUP");
const PER_GROUP = GROUP * constantNumber(shaders.sum_squares, "STEPS");

/**
 * Norm of all gradients together, and the scale that brings it down to `maxNorm`: writes norm[0] = sqrt(sum g^2) and the `gradientScale` word of
 * the optimizer's `schedule`, min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does. Gradients stay as they are; the
 * optimizer applies the scale. Sums run in a fixed order. @throws ShapeError when a buffer is too short.
 */
export function gradientNorm(
  gpu: Gpu,
  {
    gradients,
    norm,
    schedule,
  }: {
    gradients: readonly { readonly gradient: BufferLike; readonly length: number }[];
    norm: BufferLike;
    schedule: BufferLike;
  },
  { maxNorm }: { maxNorm: number },
): void {
  requireElements("gradientNorm", { norm, schedule }, { norm: 1, schedule: SCHEDULE.length });
  using _temporaries = gpu.scope();
  const parts = gradients.map(({ gradient, length }) => {
    requireSizes("gradientNorm", { length });
    requireElements("gradientNorm", { gradient }, { gradient: length });
    const width = loadWidth(length);
    return { gradient, values: length / width, width, groups: Math.ceil(length / width / PER_GROUP) };
  });
  const count = parts.reduce((sum, { groups, width }) => sum + groups * GROUP * width, 0);
  const sums = gpu.allocate(Math.max(count, 4) * 4);
  let base = 0;
  for (const { gradient, values, width, groups } of parts) {
    gpu.dispatch(shaders.sum_squares, {
      buffers: { x: gradient, sums },
      params: { length: values, base: base / width },
      constants: valueConstants(shaders.sum_squares, width),
      groups,
    });
    base += groups * GROUP * width;
  }
  gpu.dispatch(shaders.clip_gradient, {
    buffers: { sums, norm, schedule },
    params: { count, maxNorm },
    constants: { GROUP: CLIP_GROUP },
    groups: 1,
  });
}

/** One workgroup sums all parts: as wide as every device allows. */
const CLIP_GROUP = 256;
