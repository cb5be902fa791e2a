/** Layers of convolutional networks over [N, C, H, W], by the names of their parameters. */
import { BATCH_NORM_EPSILON } from "../io/convnet-layout.js";
import { batchNorm, conv2d, gate, Tensor } from "../tensor/index.js";
import type { ForwardOptions } from "./forward-options.js";
import type { Operands } from "./operands.js";
import { type ConvWindow, patchRows } from "./patch-rows.js";

/** A layer of a pass: the full name that its parameters begin with, and what takes part as them. */
export interface NamedLayer {
  readonly prefix: string;
  readonly operands: Operands;
  readonly options: ForwardOptions;
}

/** Whoever looks on sees patches and pixels as rows. */
export function convLayer(x: Tensor, { prefix, operands, options }: NamedLayer, window: ConvWindow): Tensor {
  const { weight, bias, attributes } = operands.layer(prefix);
  const y = conv2d({ x, weight, bias }, { ...window, ...attributes });
  if (options.observer?.layer) {
    const [input, output] = [patchRows(x, weight.shape.slice(2), window), patchRows(y, [1, 1], {})];
    options.observer.layer(prefix, input, output);
    for (const rows of [input, output]) rows.gpu.release(rows);
  }
  return y;
}

/** By channel; see {@link ForwardOptions.batchNorm}. */
export function batchNormLayer(x: Tensor, { prefix, operands, options }: NamedLayer): Tensor {
  const weight = operands.vector(`${prefix}.weight`);
  const substitute = options.norm?.(x, prefix, weight);
  if (substitute) return substitute;
  const bias = operands.vector(`${prefix}.bias`);
  const { batchNorm: by = options.training ? "training" : "running" } = options;
  // The kernel moves what it is given; with "batch" that is thrown away.
  const running = (part: string) =>
    by === "batch" ? Tensor.empty(x.gpu, weight.shape) : operands.value(`${prefix}.running_${part}`);
  const statistics = { runningMean: running("mean"), runningVariance: running("var") };
  const attributes = { ...statistics, epsilon: BATCH_NORM_EPSILON, training: by !== "running" };
  return batchNorm({ x, weight, bias }, attributes);
}

/** Each channel times its weight. */
export function scaleLayer(x: Tensor, { prefix, operands }: NamedLayer): Tensor {
  const [, , height, width] = x.shape;
  return gate(x, operands.vector(`${prefix}.weight`), height * width);
}
