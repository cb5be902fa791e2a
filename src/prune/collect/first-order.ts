/** A step that adds up activations and gradients of weights and gates. */
import { fill } from "../../kernels/fill.js";
import { mapUnits } from "../../kernels/map-units.js";
import type { Model, Parameter } from "../../nn/index.js";
import { backward, type Gradients, Tensor, withoutHistory } from "../../tensor/index.js";
import { type ObjectivePass, runObjective } from "../saliency/objective.js";
import { observerOf } from "./observe.js";
import type { StepContext } from "./step-context.js";

/** Forward, and backward where gradients are wanted. */
export function firstOrder(context: StepContext): void {
  const { model, objective, needed } = context;
  const denseGradients = needed.some((each) => each.kind === "gradient" && each.dense);
  const pathScores = needed.some(({ kind }) => kind === "path");
  const options = { observer: observerOf(context), denseGradients, pathScores };
  if (!needed.some(({ kind }) => kind === "gradient" || kind === "gate" || kind === "path")) {
    withoutHistory(() => void runObjective(model, objective, context, options));
    return;
  }
  const gates = gatesOf(context);
  const summed = ({ name }: Parameter) => needed.some((each) => context.statistics.get(each, name));
  model.gates.during(gates, () => {
    const { pass, gradients } = model.parameters.withGradients(summed, () => {
      const pass = runObjective(model, objective, context, options);
      return { pass, gradients: backward(pass.loss) };
    });
    addGradients(context, pass, gradients);
    addGateGradients(context, gates, gradients);
  });
}

function addGradients(
  { model, needed, statistics }: StepContext,
  { leaf, squared }: ObjectivePass,
  gradients: Gradients,
): void {
  for (const statistic of needed) {
    if (statistic.kind !== "gradient" && statistic.kind !== "path") continue;
    for (const parameter of model.parameters) {
      const total = statistics.get(statistic, parameter.name);
      const gradient = total && gradients.get(leaf(parameter));
      if (!gradient) continue;
      if (statistic.kind === "gradient") addTerm(statistic.term, { g: gradient, w: parameter.value }, total);
      // Layers give scores in the place of gradients; what they do not multiply with, such as biases, has a gradient still. Such objectives run once, so there
      // is nothing yet to add to.
      else if (squared(parameter)) model.gpu.copy(gradient.buffer, total.buffer, 4 * total.size);
      else addTerm("w * w * abs(g)", { g: gradient, w: parameter.value }, total);
    }
  }
}

/** total += term, element by element. */
export function addTerm(term: string, inputs: Readonly<Record<string, Tensor>>, total: Tensor): void {
  const named = Object.fromEntries(Object.entries(inputs).map(([name, buffer]) => [name, { buffer }]));
  const { gpu, size } = total;
  mapUnits(gpu, term, named, { y: total, length: size, inner: 1, period: size, reduction: "sum", accumulate: true });
}

/** Gates that ask for a gradient, at the places of the units: of the values that lie there, or of ones. */
function gatesOf({ model, space, needed }: StepContext): ReadonlyMap<string, Tensor> {
  const places = needed.some(({ kind }) => kind === "gate") ? space.groups : [];
  return new Map(
    places.map(({ name, units }) => {
      const gate = model.gates.get(name)?.detach() ?? onesOf(model, units);
      gate.requiresGradient = true;
      return [name, gate];
    }),
  );
}

function onesOf({ gpu }: Model, length: number): Tensor {
  const ones = Tensor.empty(gpu, [length]);
  fill(gpu, { y: ones }, { length, value: 1 });
  return ones;
}

function addGateGradients(
  { needed, statistics }: StepContext,
  gates: ReadonlyMap<string, Tensor>,
  gradients: Gradients,
): void {
  for (const statistic of needed) {
    if (statistic.kind !== "gate") continue;
    for (const [name, gate] of gates) {
      const gradient = gradients.get(gate);
      if (gradient) addTerm(statistic.term, { g: gradient }, statistics.get(statistic, name)!);
    }
  }
}
