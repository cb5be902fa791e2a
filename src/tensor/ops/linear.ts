import { KernelError, ShapeError } from "../../errors.js";
import type { FloatStorage } from "../../kernels/elements.js";
import { matmul } from "../../kernels/matmul.js";
import { reduce, reduceGrad } from "../../kernels/reduce.js";
import type { WeightAs } from "../../kernels/weight-as.js";
import type { WeightTermOptions } from "../../kernels/weight-term.js";
import { defineOp } from "../op.js";
import type { TermSum } from "../tape.js";
import { requireOneType, type Shape, sizeOf, storageOf, Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";
import type { ActivationKind } from "./elementwise.js";

/** How a linear layer's weight takes part, and what its gradient is. */
export interface LinearAttributes {
  /** Bits over the weight, 1 = keep (u32 words): the weight that takes part is weight * mask. */
  readonly mask?: Tensor;
  /** Gradient with respect to weight * mask for every weight, the removed ones too (SNIP and PX may revive weights). */
  readonly denseGradient?: boolean;
  /**
   * What the weight's elements count as where they are read, before the mask; by default themselves. "square": the weight's gradient is that by the
   * squares. "one": no gradient goes to the weight, and without a mask it is not read. There are no second derivatives with either.
   */
  readonly weightAs?: WeightAs;
  /** What y is kept in. Default: as x is; x and weight are both f32 or both f16. */
  readonly storage?: FloatStorage;
}

/** @throws KernelError where the weight counts as something else than itself: such operations have no second derivatives. */
export function refuseTangent(op: string, { weightAs }: LinearAttributes): void {
  if (weightAs === undefined) return;
  throw new KernelError(
    `${op}: second derivatives: expected a weight that counts as itself, got weightAs "${weightAs}"; write the squares or ones out first`,
  );
}

/** Operands of `linear`: x [..., in], weight [out, in], bias [out], and what is added, [..., out]. */
export type LinearInputs = {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly residual?: Tensor;
};

/** Of the kernel that computes a weight's gradient. */
export const summedOptions = (summed: TermSum | undefined): WeightTermOptions =>
  summed ? { term: summed.term, accumulate: true } : {};

/**
 * What operations behind the layer make of its result, computed in the product: y = residual + gate * activation(result), or with `gateFirst`
 * residual + activation(gate * result).
 */
export interface LinearEnd {
  readonly kind?: ActivationKind;
  /** By column. */
  readonly gate?: Tensor;
  readonly gateFirst?: boolean;
  readonly residual?: Tensor;
  readonly y: Tensor;
  /** Whether anybody reads what the activation is given. If not, the layer's result lies where y does and holds y's values. */
  readonly keeps: boolean;
}

interface ProductAttributes extends LinearAttributes {
  readonly end?: LinearEnd;
}

/** [..., out]. @throws ShapeError where the operands do not fit each other. */
export function shapeOfResult({ x, weight, bias, residual }: LinearInputs): Shape {
  requireOneType("linear", { x, weight, ...(residual && { residual }) });
  const [n, k] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.at(-1) !== k) {
    throw new ShapeError(
      `linear: expected x [..., in] and weight [out, in], got x [${x.shape}] and weight [${weight.shape}]`,
    );
  }
  if (bias && bias.size !== n) throw new ShapeError(`linear: expected a bias of ${n} values, got [${bias.shape}]`);
  const shape = [...x.shape.slice(0, -1), n];
  if (residual && residual.size !== sizeOf(shape))
    throw new ShapeError(`linear: expected a residual [${shape}], got [${residual.shape}]`);
  return shape;
}

const endOf = ({ y: out, gate, residual }: LinearEnd) => ({ out, gate, residual });

/** `linear`, which may compute the values of what follows along with its own. */
export const product = defineOp({
  name: "linear",
  float16: ["x", "weight", "residual"],
  folds: "x",
  sums: "weight",
  forward(gpu, inputs: LinearInputs, attributes: ProductAttributes) {
    const { x, weight, bias, residual } = inputs;
    const { mask, weightAs, end } = attributes;
    const shape = shapeOfResult(inputs);
    const { storage } = storageOf(x);
    const resultStorage = attributes.storage ?? storage;
    const [n, k] = weight.shape;
    const alone = end && !end.keeps;
    const out = alone ? new Tensor(gpu, end.y.buffer, shape, end.y.type) : Tensor.empty(gpu, shape, resultStorage);
    const written = end ? { ...endOf(end), preactivation: alone ? undefined : out } : { out, residual };
    matmul(
      gpu,
      "nt",
      { a: x, b: weight, bias, mask, ...written },
      { m: x.size / k, n, k },
      { weightAs, activation: end?.kind, gateFirst: end?.gateFirst, storage, resultStorage },
    );
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x, weight, bias, residual }, attributes, gradient, needs, folded, summed }) {
    const { mask, denseGradient, weightAs } = attributes;
    const [outputs, inputs] = weight.shape;
    const rows = sizeOf(x.shape) / inputs;
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) {
      const size = { m: rows, n: inputs, k: outputs };
      const whole = folded?.take && Tensor.empty(gpu, x.shape);
      const behind = { activated: folded?.kind && folded.x, gate: folded?.factors, preactivation: whole };
      const operands = { a: gradient, b: weight, out: dX, mask, ...behind };
      matmul(gpu, "nn", operands, size, { weightAs, activation: folded?.kind });
      if (whole) folded?.take?.(whole);
    }
    const ofWeight = needs("weight") && weightAs !== "one";
    const dWeight = ofWeight && !summed ? Tensor.empty(gpu, weight.shape) : undefined;
    if (ofWeight) {
      const kept = denseGradient ? undefined : mask;
      const operands = { a: gradient, b: x, out: summed?.total ?? dWeight!, mask: kept, scored: summed?.weight };
      matmul(gpu, "tn", operands, { m: outputs, n: inputs, k: rows }, summedOptions(summed));
    }
    const dBias = bias && needs("bias") ? Tensor.empty(gpu, bias.shape) : undefined;
    if (dBias) reduce(gpu, "sum", { x: gradient, y: dBias }, { outer: rows, length: outputs, inner: 1 });
    return { x: dX, weight: dWeight, bias: dBias, residual: residual && gradient };
  },
  tangent: {
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
  },
});

/** y = x (weight * mask)^T + bias + residual, y: [..., out]. @throws ShapeError */
export const linear = (inputs: LinearInputs, attributes: LinearAttributes): Tensor => product(inputs, attributes);
