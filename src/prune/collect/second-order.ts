/** A step that adds up products of the loss's Hessian with directions over the scored weights. */
import { randomSigns } from "../../kernels/random.js";
import { addTerm, hessianVectorProduct, Tensor } from "../../tensor/index.js";
import { runObjective } from "../saliency/objective.js";
import { type Statistic, SUMMED_GRADIENT } from "./statistic.js";
import type { StepContext } from "./step-context.js";

type Curvature = Extract<Statistic, { kind: "curvature" }>;

/** Tells the draws of signs from those of other uses. */
const SIGNS_STREAM = 0x51a5_0000;

export function secondOrder(context: StepContext): void {
  const pass = runObjective(context.model, context.objective, context, { curvature: true });
  const { statistics, model } = context;
  for (const direction of ["gradient", "signs"] as const) {
    const wanted = context.needed.filter(
      (each): each is Curvature => each.kind === "curvature" && each.direction === direction,
    );
    const scored = [...model.parameters].filter(({ name }) => wanted[0] && statistics.get(wanted[0], name));
    if (scored.length === 0) continue;
    const directions = new Map<Tensor, Tensor>();
    scored.forEach(({ name, value }, index) => {
      const vector = direction === "signs" ? signs(context, value, index) : statistics.get(SUMMED_GRADIENT, name)!;
      directions.set(pass.leaf(model.parameters.get(name)), vector);
    });
    const { products } = hessianVectorProduct(pass.loss, directions);
    for (const parameter of scored) {
      const leaf = pass.leaf(parameter);
      const h = products.get(leaf);
      for (const statistic of h ? wanted : []) {
        addTerm(statistic.term, { h: h!, d: directions.get(leaf)! }, statistics.get(statistic, parameter.name)!);
      }
    }
  }
}

function signs({ model: { gpu }, draws }: StepContext, like: Tensor, index: number): Tensor {
  const vector = Tensor.empty(gpu, like.shape);
  randomSigns(gpu, { y: vector, state: draws }, { length: vector.size, stream: SIGNS_STREAM + index });
  return vector;
}
