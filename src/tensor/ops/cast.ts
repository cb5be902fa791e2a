import { ShapeError } from "../../errors.js";
import { cast as castKernel } from "../../kernels/cast.js";
import type { FloatStorage } from "../../kernels/elements.js";
import { storageOf, Tensor } from "../tensor.js";

/**
 * The values of x as f32, or rounded to f16; x itself where it is so already. A new tensor has no history: gradients stop here.
 * @throws ShapeError for words of u32.
 */
export function cast(x: Tensor, to: FloatStorage): Tensor {
  if (x.type === to) return x;
  if (x.type === "u32") throw new ShapeError("cast: expected a tensor of f32 or f16, got u32; convert it on the host");
  const out = Tensor.empty(x.gpu, x.shape, to);
  castKernel(x.gpu, { x, y: out }, { length: x.size, from: storageOf(x).storage, to });
  return out;
}
