/** Compensation of a whole model: each layer with a mask in turn. */
import { applyMask } from "../kernels/mask.js";
import type { Model, PrunableLayer } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import type { Compensation } from "./compensate.js";

/** Calls `compensate` for every layer whose weight has a mask. `source` gives values at a layer. */
export function compensateModel(
  { gpu, layers, parameters }: Model,
  compensate: Compensation,
  source: (name: string, layer: PrunableLayer) => Tensor,
): void {
  for (const layer of layers) {
    const { mask, value } = parameters.get(`${layer.name}.weight`);
    if (!mask) continue;
    using _temporaries = gpu.scope();
    const weight = new Tensor(gpu, value.buffer, [layer.out, layer.in]);
    const bias = layer.hasBias ? parameters.get(`${layer.name}.bias`).value : undefined;
    compensate({ gpu, layer, weight, mask, bias, source: (name) => source(name, layer) });
  }
}

/** Sets what is masked to zero: what earlier rounds removed was made up for, and must not be made up for again. */
export function dropRemoved({ gpu, layers, parameters }: Model): void {
  for (const { name } of layers) {
    const { mask, value, size: length } = parameters.get(`${name}.weight`);
    if (!mask) continue;
    using _temporaries = gpu.scope();
    const kept = Tensor.empty(gpu, value.shape);
    applyMask(gpu, { x: value, mask, y: kept }, { length });
    gpu.copy(kept.buffer, value.buffer, length * 4);
  }
}
