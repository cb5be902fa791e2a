/** Compensation of a whole model: each layer with a mask in turn. */
import { applyMask } from "../kernels/mask.js";
import { takeKept } from "../kernels/take-kept.js";
import type { Model, PrunableLayer } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import type { Compensation } from "./compensate.js";

/** Copies of the masks over layers' weights, by parameter. The caller releases them. */
export function copyMasks({ gpu, layers, parameters }: Model): Map<string, Tensor> {
  const copies = new Map<string, Tensor>();
  for (const { name } of layers) {
    const { mask } = parameters.get(`${name}.weight`);
    if (!mask) continue;
    const copy = Tensor.empty(gpu, mask.shape, "u32");
    gpu.copy(mask.buffer, copy.buffer, mask.size * 4);
    copies.set(`${name}.weight`, copy);
  }
  return copies;
}

/**
 * Calls `compensate` for every layer whose weight has a mask. What earlier rounds removed, under the masks `before`, was made up for: it counts as zero.
 * Only kept weights change; removed ones keep their values, so that masks can be lifted.
 */
export function compensateModel(
  { gpu, layers, parameters }: Model,
  compensate: Compensation,
  source: (name: string, layer: PrunableLayer) => Tensor,
  before: ReadonlyMap<string, Tensor>,
): void {
  for (const layer of layers) {
    const { name, mask, value, size: length } = parameters.get(`${layer.name}.weight`);
    if (!mask) continue;
    using _temporaries = gpu.scope();
    const weight = Tensor.empty(gpu, [layer.out, layer.in]);
    const earlier = before.get(name);
    if (earlier) applyMask(gpu, { x: value, mask: earlier, y: weight }, { length });
    else gpu.copy(value.buffer, weight.buffer, length * 4);
    const bias = layer.hasBias ? parameters.get(`${layer.name}.bias`).value : undefined;
    compensate({ gpu, layer, weight, mask, bias, source: (wanted) => source(wanted, layer) });
    takeKept(gpu, { x: weight, mask, y: value }, { length });
  }
}
