/** Layers as functions of named parameters; a mask on a parameter is applied where the parameter is used. */
import { applyBits, layerNorm, linear, reshape, type Tensor } from "../tensor/index.js";
import type { Parameter, Parameters } from "./parameter.js";

/** The value that takes part: a small vector is multiplied by its mask, a matrix is masked inside its matmul. */
const effective = ({ value, mask }: Parameter): Tensor => (mask ? applyBits(value, mask) : value);

/** y = x (W * mask)^T + b with `prefix.weight` and, if there is one, `prefix.bias`. A convolution's weight counts as [out, rest]. */
export function linearLayer(x: Tensor, parameters: Parameters, prefix: string): Tensor {
  const { value, mask, denseGradient } = parameters.get(`${prefix}.weight`);
  const weight = value.shape.length === 2 ? value : reshape(value, [value.shape[0], value.size / value.shape[0]]);
  const biasName = `${prefix}.bias`;
  const bias = parameters.has(biasName) ? effective(parameters.get(biasName)) : undefined;
  return linear({ x, weight, bias }, { mask, denseGradient });
}

export function layerNormLayer(x: Tensor, parameters: Parameters, prefix: string, epsilon: number): Tensor {
  const weight = effective(parameters.get(`${prefix}.weight`));
  const bias = effective(parameters.get(`${prefix}.bias`));
  return layerNorm({ x, weight, bias }, { epsilon });
}
