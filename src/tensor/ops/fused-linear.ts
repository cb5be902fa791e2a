/**
 * Linear layers whose product computes what follows: an activation function, factors by column, a sum. The tape keeps a node for each, so derivatives are
 * those of the separate operations; what a node gives is only written where a gradient reads it.
 */
import { KernelError, ShapeError } from "../../errors.js";
import { historyEnabled } from "../tape.js";
import { Tensor } from "../tensor.js";
import { type ActivationKind, activation, activationOf, addOf } from "./elementwise.js";
import { gate, gateOf } from "./gate.js";
import { linear, product } from "./linear.js";
import { type LinearAttributes, type LinearInputs, shapeOfResult } from "./linear-inputs.js";

/** Room for the result. @throws ShapeError where operands or factors do not fit. @throws KernelError for factors not of f32. */
function emptyResult(inputs: LinearInputs, { storage }: LinearAttributes, gate: Tensor | undefined): Tensor {
  const shape = shapeOfResult(inputs);
  if (gate && gate.size !== shape.at(-1)) {
    throw new ShapeError(`linear: expected a gate of ${shape.at(-1)} columns, got [${gate.shape}]`);
  }
  if (gate && gate.type !== "f32")
    throw new KernelError(`linear: expected a gate of f32, got ${gate.type}; cast it first`);
  const { gpu, type } = inputs.x;
  return Tensor.empty(gpu, shape, storage ?? type);
}

/** A result that is on its way into y, for nodes between which nobody looks. */
const passing = (y: Tensor): Tensor => new Tensor(y.gpu, y.buffer, y.shape, y.type);

const isTracked = (...tensors: readonly (Tensor | undefined)[]): boolean =>
  historyEnabled() && tensors.some((tensor) => tensor?.tracked);

/**
 * `residual + gate(linear(...), columns, 1)` in one product, columns: [out] or absent. The result without its gate is written beside where the gate
 * asks for a gradient.
 * @throws ShapeError
 */
export function gatedLinear(inputs: LinearInputs, attributes: LinearAttributes, columns?: Tensor): Tensor {
  if (!columns) return linear(inputs, attributes);
  const y = emptyResult(inputs, attributes, columns);
  const { residual, ...layer } = inputs;
  const end = { gate: columns, residual, y, keeps: isTracked(columns) };
  const result = product(layer, { ...attributes, end });
  if (!residual) return gateOf(result, columns, 1, y);
  return addOf(residual, gateOf(result, columns, 1, passing(y)), y);
}

/** Factors of a layer's results, [out], before and after its activation function. */
export interface ActivationGates {
  readonly before?: Tensor;
  readonly after?: Tensor;
}

/**
 * `activation(linear(...))` with its gates in one product. What the function is given is only kept where a gradient is wanted. A gate that asks for one
 * itself wants a third result, and a second gate a third place: both are passes of their own, or the function behind the first is.
 * @throws ShapeError
 */
export function activatedLinear(
  inputs: Omit<LinearInputs, "residual">,
  attributes: LinearAttributes,
  kind: ActivationKind,
  { before, after }: ActivationGates = {},
): Tensor {
  if (after && (before || isTracked(after))) {
    return gate(activatedLinear(inputs, attributes, kind, { before }), after, 1);
  }
  if (before && isTracked(before)) return activation(gatedLinear(inputs, attributes, before), kind);
  const columns = before ?? after;
  const y = emptyResult(inputs, attributes, columns);
  const { x, weight, bias } = inputs;
  const end = { kind, gate: columns, gateFirst: before !== undefined, y, keeps: isTracked(x, weight, bias) };
  const result = product(inputs, { ...attributes, end });
  if (!columns) return activationOf(result, kind, y);
  if (before) return activationOf(gateOf(result, columns, 1, passing(result)), kind, y);
  return gateOf(activationOf(result, kind, passing(y)), columns, 1, y);
}
