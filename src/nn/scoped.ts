import type { Gpu } from "../gpu/index.js";
import { historyEnabled, type Tensor } from "../tensor/index.js";

/** Runs a part of a forward pass. Without history nothing inside of `fn` is needed again, so its buffers are released at once. */
export function inScope(gpu: Gpu, fn: () => Tensor): Tensor {
  if (historyEnabled()) return fn();
  using scope = gpu.scope();
  return scope.promote(fn());
}
