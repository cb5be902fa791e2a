import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { elementsOf, elementwiseGroups, loadWidth, requireElements } from "./elements.js";
import * as shaders from "./shaders.gen.js";

/** GELU is the exact one, x * cdf(x) of the standard normal distribution; ReLU has slope 0 at 0. */
export type Activation = "gelu" | "relu";

/**
 * y = activation of x, element by element, f32.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function activation(
  gpu: Gpu,
  kind: Activation,
  buffers: { x: BufferLike; y: BufferLike },
  { length }: { length: number },
): void {
  requireElements(kind, buffers, { x: length, y: length });
  const width = loadWidth(length);
  const count = length / width;
  gpu.dispatch(shaders.activation, {
    buffers,
    params: { count },
    constants: { ...elementsOf(width), RELU: kind === "relu" },
    groups: elementwiseGroups(count),
  });
}

/**
 * dx = dy * slope of the activation at x, element by element, f32.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function activationGrad(
  gpu: Gpu,
  kind: Activation,
  buffers: { x: BufferLike; dy: BufferLike; dx: BufferLike },
  { length }: { length: number },
): void {
  requireElements(`${kind} gradient`, buffers, { x: length, dy: length, dx: length });
  const width = loadWidth(length);
  const count = length / width;
  gpu.dispatch(shaders.activation_grad, {
    buffers,
    params: { count },
    constants: { ...elementsOf(width), RELU: kind === "relu" },
    groups: elementwiseGroups(count),
  });
}
