/** Second derivatives of a linear layer: products of the operands and their tangents. */
import { KernelError } from "../../errors.js";
import { matmul } from "../../kernels/matmul.js";
import { reduceGrad } from "../../kernels/reduce.js";
import type { TangentDefinition } from "../op.js";
import { Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";
import type { LinearAttributes, LinearInputs } from "./linear-inputs.js";

/** @throws KernelError where the weight counts as something else than itself: such operations have no second derivatives. */
export function refuseTangent(op: string, { weightAs }: LinearAttributes): void {
  if (weightAs === undefined) return;
  throw new KernelError(
    `${op}: second derivatives: expected a weight that counts as itself, got weightAs "${weightAs}"; write the squares or ones out first`,
  );
}

export const tangentOfLinear: TangentDefinition<LinearInputs, LinearAttributes, undefined, undefined> = {
  forward({ gpu, inputs: { x, weight }, attributes, out, tangents }) {
    refuseTangent("linear", attributes);
    const { mask, denseGradient } = attributes;
    const [n, k] = weight.shape;
    const size = { m: x.size / k, n, k };
    const { x: xTangent, weight: weightTangent, bias, residual } = tangents;
    const onto = (operands: { a: Tensor; b: Tensor; mask?: Tensor; bias?: Tensor }, residual: Tensor | undefined) => {
      const sum = Tensor.empty(gpu, out.shape);
      matmul(gpu, "nt", { ...operands, residual, out: sum }, size);
      return sum;
    };
    if (!weightTangent && xTangent) {
      return { out: onto({ a: xTangent, b: weight, mask, bias }, residual), saved: undefined };
    }
    if (weightTangent) {
      const ofX = xTangent && onto({ a: xTangent, b: weight, mask }, residual);
      const kept = denseGradient ? undefined : mask;
      const total = onto({ a: x, b: weightTangent, mask: kept, bias }, ofX ?? residual);
      if (ofX) gpu.release(ofX);
      return { out: total, saved: undefined };
    }
    const ofBias = bias && Tensor.empty(gpu, out.shape);
    if (ofBias) reduceGrad(gpu, "sum", { dy: bias, dx: ofBias }, { outer: size.m, length: n, inner: 1 });
    const ofResidual = residual && Tensor.empty(gpu, out.shape);
    if (ofResidual) gpu.copy(residual.buffer, ofResidual.buffer, 4 * out.size);
    return { out: addTerms(ofBias, ofResidual), saved: undefined };
  },
  backward({ gpu, inputs: { x, weight }, attributes: { mask, denseGradient }, tangents, gradient, needs }) {
    const [outputs, inputs] = weight.shape;
    const rows = x.size / inputs;
    const kept = denseGradient ? undefined : mask;
    const dX = tangents.weight && needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) {
      const operands = { a: gradient, b: tangents.weight!, out: dX, mask: kept };
      matmul(gpu, "nn", operands, { m: rows, n: inputs, k: outputs });
    }
    const dWeight = tangents.x && needs("weight") ? Tensor.empty(gpu, weight.shape) : undefined;
    if (dWeight) {
      const operands = { a: gradient, b: tangents.x!, out: dWeight, mask: kept };
      matmul(gpu, "tn", operands, { m: outputs, n: inputs, k: rows });
    }
    return { x: dX, weight: dWeight };
  },
};
