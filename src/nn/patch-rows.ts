/** What a convolution works on, laid out as a linear layer's input is: for those who look on. */
import { slide } from "../kernels/conv-size.js";
import { unfold } from "../kernels/unfold.js";
import { type Conv2dAttributes, Tensor } from "../tensor/index.js";

/** How a convolution slides. */
export type ConvWindow = Pick<Conv2dAttributes, "stride" | "padding">;

/** What a kernel sees of [N, C, H, W] as rows [N * pixels, C * kernel height * kernel width]. */
export function patchRows(x: Tensor, [kernelHeight, kernelWidth]: readonly number[], window: ConvWindow): Tensor {
  const [batch, channels, height, width] = x.shape;
  const size = { batch, channels, height, width, kernel: [kernelHeight, kernelWidth] as const, ...window };
  const out = slide(size, size.kernel, window.stride, window.padding);
  const rows = Tensor.empty(x.gpu, [batch * out.height * out.width, channels * kernelHeight * kernelWidth]);
  unfold(x.gpu, { x, rows }, size);
  return rows;
}
