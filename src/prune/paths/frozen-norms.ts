/** Norms as what they do to a path: a scale that does not follow the weights. Their shifts start paths of their own, and are left out. */
import { BATCH_NORM_EPSILON, type ForwardOptions, type Model } from "../../nn/index.js";
import { gate, map, mean, type Tensor, withoutHistory } from "../../tensor/index.js";

/**
 * weight * x / mean(x), row by row, with a mean that gradients do not see. Squared path values sum to what a second moment is, so this is to them what the
 * division by the standard deviation is to activations.
 */
function byFrozenMean(x: Tensor, weight?: Tensor): Tensor {
  const width = x.shape.at(-1)!;
  const means = withoutHistory(() => mean(x, { outer: 1, length: x.size / width, inner: width }));
  const inputs = { x, m: { tensor: means, inner: width } };
  if (!weight) return map("select(0.0, x / m, m > 0.0)", inputs, { x: "select(0.0, 1.0 / m, m > 0.0)" });
  return map(
    "select(0.0, x / m * w, m > 0.0)",
    { ...inputs, w: { tensor: weight, inner: 1 } },
    { x: "select(0.0, w / m, m > 0.0)", w: "select(0.0, x / m, m > 0.0)" },
  );
}

/**
 * The mean of x and of a branch that is scaled to the mean of x, token by token or image by image; the scale is frozen. So about half of what flows
 * through the sum comes from the branch, however little of it is left. Shapes [N, tokens, width] or [N, C, H, W].
 */
export function evenResidual(x: Tensor, branch: Tensor): Tensor {
  const width = x.shape.length === 4 ? x.size / x.shape[0] : x.shape.at(-1)!;
  const rows = { outer: 1, length: x.size / width, inner: width };
  const [means, others] = withoutHistory(() => [mean(x, rows), mean(branch, rows)]);
  const each = (tensor: Tensor) => ({ tensor, inner: width });
  return map(
    "0.5 * (x + select(0.0, b * m / n, n > 0.0))",
    { x, b: branch, m: each(means), n: each(others) },
    { x: "0.5", b: "select(0.0, 0.5 * m / n, n > 0.0)" },
  );
}

/** Elements of a channel that follow each other: [N, C, ...] */
const inner = ({ shape }: Tensor): number => shape.slice(2).reduce((product, extent) => product * extent, 1);

/**
 * Norms of the network of squared path values. Layer norm: weight * x / mean(x). Batch norm: weight * x / running variance. `weight` is what takes
 * the norm's place as a parameter: its square.
 */
export const frozenNorms =
  (model: Model): NonNullable<ForwardOptions["norm"]> =>
  (x, prefix, weight) => {
    const variance = `${prefix}.running_var`;
    if (!model.parameters.has(variance)) return byFrozenMean(x, weight);
    const { value } = model.parameters.get(variance);
    const factor = `1.0 / (v + ${BATCH_NORM_EPSILON})`;
    return gate(x, map(`w * ${factor}`, { w: weight, v: value.detach() }, { w: factor }), inner(x));
  };

/** Norms of the network of active paths, whose weights are one: a path passes a batch norm as it is; layer norm keeps its sums in range. */
export const pathCountNorms =
  (model: Model): NonNullable<ForwardOptions["norm"]> =>
  (x, prefix) =>
    model.parameters.has(`${prefix}.running_var`) ? x : byFrozenMean(x);
