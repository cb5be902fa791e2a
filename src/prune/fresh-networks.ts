/** Networks with drawn weights in the place of a model's, which stays as it is. */
import { isNorm } from "../io/parameters.js";
import { fill } from "../kernels/fill.js";
import { BATCH_NORM_EPSILON, type ForwardOptions, layerOf, type Parameter } from "../nn/index.js";
import { batchNorm, map, Tensor, withoutHistory } from "../tensor/index.js";
import type { ObjectiveContext } from "./saliency/objective.js";

/** Forward options of a network with drawn weights, and of a copy that is moved a little. */
export interface FreshPair {
  readonly fresh: ForwardOptions;
  readonly perturbed: ForwardOptions;
}

type Values = Map<string, Tensor>;

/**
 * Draws the weights of layers by Kaiming's normal rule, of deviation sqrt(2 / fan-in), and makes norms new; the copy has each weight of a layer moved by
 * `epsilon` times a standard normal number. Biases, tokens and positions stay the model's. What takes the place of parameters in the objective multiplies
 * both as a mask would. Batch norms of both go by the statistics that the first one has on `input`, as constants.
 */
export function drawPair(context: ObjectiveContext, input: Tensor, epsilon: number): FreshPair {
  const { model, substitute, normal } = context;
  const fresh: Values = new Map();
  const perturbed: Values = new Map();
  for (const parameter of model.parameters) {
    const { name, trainable } = parameter;
    const value = freshValue(context, parameter);
    const masked = (w: Tensor) => map("w * m", { w, m: substitute(parameter) as Tensor }, { m: "w" });
    fresh.set(name, trainable ? masked(value) : value);
    const moved = layerOf(model, name) && map(`w + ${epsilon} * n`, { w: value, n: normal(value.shape) });
    perturbed.set(name, moved ? masked(moved) : fresh.get(name)!);
  }
  takeStatistics(context, input, fresh);
  return { fresh: optionsOf(fresh), perturbed: optionsOf(perturbed) };
}

const optionsOf = (values: Values): ForwardOptions => ({ weights: ({ name }) => values.get(name)! });

function freshValue({ model, normal }: ObjectiveContext, { name, value, trainable }: Parameter): Tensor {
  const { gpu, shape, size } = value;
  if (layerOf(model, name)) return map(`${Math.sqrt((2 * shape[0]) / size)} * n`, { n: normal(shape) });
  if (!trainable) return Tensor.zeros(gpu, shape);
  if (!isNorm(name, model.parameters)) return value.detach();
  const constant = Tensor.empty(gpu, shape);
  fill(gpu, { y: constant }, { length: size, value: name.endsWith(".weight") ? 1 : 0 });
  return constant;
}

/** Fills running means and variances with those of the input. */
function takeStatistics({ model, forward }: ObjectiveContext, input: Tensor, values: Values): void {
  if ([...model.parameters].every(({ trainable }) => trainable)) return;
  const norm: ForwardOptions["norm"] = (x, prefix, weight) => {
    const [bias, runningMean, runningVariance] = ["bias", "running_mean", "running_var"].map(
      (part) => values.get(`${prefix}.${part}`)!,
    );
    const statistics = { runningMean, runningVariance, momentum: 1, training: true };
    return batchNorm({ x, weight, bias }, { ...statistics, epsilon: BATCH_NORM_EPSILON });
  };
  withoutHistory(() => void forward(input, { ...optionsOf(values), norm }));
}
