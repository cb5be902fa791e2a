import { KernelError, ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { type MapInput, map as mapKernel } from "../../kernels/map.js";
import { reduce } from "../../kernels/reduce.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

/** An input of `map` with fewer elements than the result: element i sees `(i / inner) % size`. */
export interface BroadcastInput {
  readonly tensor: Tensor;
  readonly inner: number;
}

/** WGSL expressions over the same names: the derivative of the result by an input. */
export type Derivatives = Readonly<Record<string, string>>;

interface MapAttributes {
  readonly expression: string;
  readonly derivatives: Derivatives;
  readonly inner: Readonly<Record<string, number>>;
}

type Tensors = Readonly<Record<string, Tensor>>;

const UPSTREAM = "upstream";

const kernelInputs = (tensors: Tensors, inner: Readonly<Record<string, number>>): Record<string, MapInput> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { buffer: tensor, inner: inner[name], period: tensor.size },
    ]),
  );

/** The gradient by one input: derivative times upstream, summed over everything that saw the same element. */
function inputGradient(gpu: Gpu, name: string, inputs: Tensors, gradient: Tensor, attributes: MapAttributes): Tensor {
  const derivative = attributes.derivatives[name];
  if (derivative === undefined) {
    throw new KernelError(
      `map: expected a derivative by ${name}, as its gradient is wanted, got none; pass derivatives.${name}`,
    );
  }
  const each = Tensor.empty(gpu, gradient.shape);
  const named = { ...kernelInputs(inputs, attributes.inner), [UPSTREAM]: { buffer: gradient } };
  mapKernel(gpu, `(${derivative}) * ${UPSTREAM}`, named, { y: each, length: each.size });
  const { size, shape } = inputs[name];
  if (size === each.size) return new Tensor(gpu, each.buffer, shape);
  const summed = Tensor.empty(gpu, shape);
  const inner = attributes.inner[name];
  reduce(gpu, "sum", { x: each, y: summed }, { outer: each.size / (size * inner), length: size, inner });
  return summed;
}

const mapOp = defineOp({
  name: "map",
  forward(gpu, inputs: Tensors, { expression, inner }: MapAttributes) {
    const largest = Object.values(inputs).reduce((a, b) => (b.size > a.size ? b : a));
    for (const [name, { size, shape }] of Object.entries(inputs)) {
      if (largest.size % (size * inner[name]) !== 0) {
        throw new ShapeError(
          `map: expected ${name} to repeat whole in ${largest.size} elements, got [${shape}] with inner ${inner[name]}`,
        );
      }
    }
    const out = Tensor.empty(gpu, largest.shape);
    mapKernel(gpu, expression, kernelInputs(inputs, inner), { y: out, length: out.size });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs, attributes, gradient, needs }) {
    const wanted = Object.keys(inputs).filter(needs);
    return Object.fromEntries(wanted.map((name) => [name, inputGradient(gpu, name, inputs, gradient, attributes)]));
  },
});

/**
 * One WGSL expression over named tensors, element by element: `map("abs(w) * n", { w, n: { tensor: norms, inner: 1 } }, { w: "sign(w) * n" })`. The
 * result has the shape of the largest input. Inputs that ask for a gradient need a derivative, an expression over the same names.
 * @throws KernelError for names that are no inputs, for text that is no expression, and for a missing derivative; ShapeError for sizes that do not repeat.
 */
export function map(
  expression: string,
  inputs: Readonly<Record<string, Tensor | BroadcastInput>>,
  derivatives: Derivatives = {},
): Tensor {
  const entries = Object.entries(inputs);
  const tensors = entries.map(([name, input]) => [name, input instanceof Tensor ? input : input.tensor] as const);
  const inner = entries.map(([name, input]) => [name, input instanceof Tensor ? 1 : input.inner] as const);
  return mapOp(Object.fromEntries(tensors), { expression, derivatives, inner: Object.fromEntries(inner) });
}
