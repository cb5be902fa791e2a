import { cast as castKernel } from "../../kernels/cast.js";
import type { FloatStorage } from "../../kernels/elements.js";
import { storageOf, Tensor } from "../tensor.js";

/** The values of x as f32, or rounded to f16; x itself where it is so already. A new tensor has no history: gradients stop here. */
export function cast(x: Tensor, to: FloatStorage): Tensor {
  if (x.type === to) return x;
  const out = Tensor.empty(x.gpu, x.shape, to);
  castKernel(x.gpu, { x, y: out }, { length: x.size, from: storageOf(x).storage, to });
  return out;
}
