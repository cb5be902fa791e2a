/** A step that adds up activations and gradients of weights and gates. */
import { fill } from "../../kernels/fill.js";
import type { Model, Parameter } from "../../nn/index.js";
import { addTerm, backward, type Gradients, Tensor, type TermSum, withoutHistory } from "../../tensor/index.js";
import { type ObjectivePass, runObjective } from "../saliency/objective.js";
import { observerOf } from "./observe.js";
import type { StepContext } from "./step-context.js";

/** Forward, and backward where gradients are wanted. */
export function firstOrder(context: StepContext): void {
  const { model, objective, needed } = context;
  const denseGradients = needed.some((each) => each.kind === "gradient" && each.dense);
  const options = { observer: observerOf(context), denseGradients };
  if (!needed.some(({ kind }) => kind === "gradient" || kind === "gate" || kind === "path")) {
    withoutHistory(() => void runObjective(model, objective, context, options));
    return;
  }
  const gates = gatesOf(context);
  const summed = ({ name }: Parameter) => needed.some((each) => context.statistics.get(each, name));
  model.gates.during(gates, () => {
    const gradients = model.parameters.withGradients(summed, () => {
      const { loss, leaf } = runObjective(model, objective, context, options);
      const terms = termsOf(context, leaf);
      const alone = [...terms].flatMap(([of, [term, ...others]]) => (others.length === 0 ? [[of, term] as const] : []));
      const gradients = backward(loss, undefined, new Map(alone));
      addShared(terms, gradients);
      return gradients;
    });
    addGateGradients(context, gates, gradients);
  });
}

/** What is summed over the gradient of each parameter, by the tensor that stands for it. */
function termsOf(
  { model, needed, statistics }: StepContext,
  leaf: ObjectivePass["leaf"],
): ReadonlyMap<Tensor, readonly TermSum[]> {
  const terms = new Map<Tensor, TermSum[]>();
  for (const parameter of model.parameters) {
    const of = needed.flatMap((statistic): TermSum[] => {
      const total = statistics.get(statistic, parameter.name);
      const term = statistic.kind === "path" ? PATH_SCORE : statistic.kind === "gradient" ? statistic.term : undefined;
      return total && term !== undefined ? [{ term, weight: parameter.value, total }] : [];
    });
    if (of.length > 0) terms.set(leaf(parameter), of);
  }
  return terms;
}

/** Of a weight w whose square has the gradient g. */
const PATH_SCORE = "w * w * abs(g)";

/** Of parameters with several terms: those with one never have a gradient. */
function addShared(terms: ReadonlyMap<Tensor, readonly TermSum[]>, gradients: Gradients): void {
  for (const [leaf, of] of terms) {
    const gradient = gradients.get(leaf);
    for (const { term, weight, total } of gradient ? of : []) addTerm(term, { g: gradient!, w: weight }, total);
  }
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
