/** y = x W^T + b, and what follows it in the same product. */
import { matmul } from "../../kernels/matmul.js";
import { reduce } from "../../kernels/reduce.js";
import type { WeightTermOptions } from "../../kernels/weight-term.js";
import { defineOp } from "../op.js";
import type { TermSum } from "../tape.js";
import { sizeOf, storageOf, Tensor } from "../tensor.js";
import type { ActivationKind } from "./elementwise.js";
import { type LinearAttributes, type LinearInputs, shapeOfResult } from "./linear-inputs.js";
import { tangentOfLinear } from "./linear-tangent.js";

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
  tangent: tangentOfLinear,
});

/** y = x (weight * mask)^T + bias + residual, y: [..., out]. @throws ShapeError */
export const linear = (inputs: LinearInputs, attributes: LinearAttributes): Tensor => product(inputs, attributes);
