import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { type Conv2dSize, convExtents } from "./conv-size.js";
import { requireElements } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import * as shaders from "./shaders.gen.js";

/** What a convolution slides over, and how; see {@link Conv2dSize}. */
export type UnfoldSize = Omit<Conv2dSize, "outputs" | "groups">;

/**
 * The patches that a convolution sees, as rows: its result is rows times its weight [outputs, channels * kernel], transposed. x: batch x channels x
 * height x width, zero outside; rows: (batch * H' * W') x (channels * kernel height * kernel width), pixels in reading order. f32. A kernel of one
 * pixel moves channels last.
 * @throws ShapeError when the kernel is larger than the padded image, or a buffer too short.
 */
export function unfold(gpu: Gpu, buffers: { x: BufferLike; rows: BufferLike }, size: UnfoldSize): void {
  const { channels, height, width, kernel, stride, padding, out, lengths } = convExtents("unfold", {
    ...size,
    outputs: 1,
  });
  const length = lengths.y * lengths.weight;
  requireElements("unfold", buffers, { x: lengths.x, rows: length });
  const call = {
    buffers,
    params: { channels, height, width, out_height: out.height, out_width: out.width, padding },
    constants: { KERNEL_HEIGHT: kernel[0], KERNEL_WIDTH: kernel[1], STRIDE: stride },
    inFours: false,
  };
  dispatchElementwise(gpu, shaders.unfold, call, length);
}
