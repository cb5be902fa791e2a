import { powerOfTwo } from "../../kernels/power-of-two.js";
import { Tensor } from "../tensor.js";

/**
 * 2^-floor(log2 max |x|), as a tensor [1]: the power of two that brings x's largest element into [1, 2). It counts as a constant: `gate(x, scale,
 * x.size)` has the gradient of a product with a number. 1 where the largest is zero, infinite or NaN, and where the power is not past 2^comfortable
 * and 2^-comfortable (by default it may be any); never smaller than 2^-126 or larger than 2^126.
 */
export function powerOfTwoOf(x: Tensor, comfortable?: number): Tensor {
  const scale = Tensor.empty(x.gpu, [1]);
  powerOfTwo(x.gpu, { x, scale }, { length: x.size, comfortable });
  return scale;
}
