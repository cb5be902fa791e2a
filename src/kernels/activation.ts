import type { Gpu } from "../gpu/index.js";
import type { BufferLike } from "./buffers.js";
import { requireElements, type StorageOptions } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import { requireSizes } from "./require.js";
import * as shaders from "./shaders.gen.js";

/** GELU is the exact one, x * cdf(x) of the standard normal distribution; ReLU has slope 0 at 0. */
export type Activation = "gelu" | "relu";

/**
 * y = activation of x, element by element.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function activation(
  gpu: Gpu,
  kind: Activation,
  buffers: { x: BufferLike; y: BufferLike },
  { length }: { length: number },
  { storage }: StorageOptions = {},
): void {
  requireSizes(kind, { length });
  requireElements(kind, buffers, { x: length, y: length }, storage);
  dispatchElementwise(gpu, shaders.activation, { buffers, constants: { RELU: kind === "relu" }, storage }, length);
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
  requireSizes(`${kind} gradient`, { length });
  requireElements(`${kind} gradient`, buffers, { x: length, dy: length, dx: length });
  dispatchElementwise(gpu, shaders.activation_grad, { buffers, constants: { RELU: kind === "relu" } }, length);
}

/**
 * dx = dy * xTangent * second derivative of GELU at x: how `activationGrad` follows x, element by element, f32. That of ReLU is zero.
 * @throws ShapeError when a buffer holds fewer than `length` elements.
 */
export function geluGradTangent(
  gpu: Gpu,
  { x, xTangent, dy, dx }: { x: BufferLike; xTangent: BufferLike; dy: BufferLike; dx: BufferLike },
  { length }: { length: number },
): void {
  requireSizes("geluGradTangent", { length });
  requireElements("geluGradTangent", { x, xTangent, dy, dx }, { x: length, xTangent: length, dy: length, dx: length });
  dispatchElementwise(gpu, shaders.gelu_grad_tangent, { buffers: { x, x_tangent: xTangent, dy, dx } }, length);
}
