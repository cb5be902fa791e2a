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

/** By input name, the derivatives of that input's derivative. One whose expression does not name an input needs none by it: it is zero. */
export type SecondDerivatives = Readonly<Record<string, Derivatives>>;

interface MapAttributes {
  readonly expression: string;
  readonly derivatives: Derivatives;
  readonly second: SecondDerivatives;
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

/** What each element of the result adds to the gradient by an input, summed over those that saw the same element of it. */
function sumToInput(gpu: Gpu, each: Tensor, { size, shape }: Tensor, inner: number): Tensor {
  if (size === each.size) return new Tensor(gpu, each.buffer, shape);
  const summed = Tensor.empty(gpu, shape);
  reduce(gpu, "sum", { x: each, y: summed }, { outer: each.size / (size * inner), length: size, inner });
  gpu.release(each);
  return summed;
}

function derivativeBy(name: string, { derivatives }: MapAttributes): string {
  const derivative = derivatives[name];
  if (derivative !== undefined) return derivative;
  throw new KernelError(
    `map: expected a derivative by ${name}, as its gradient is wanted, got none; pass derivatives.${name}`,
  );
}

/** d^2 expression / d name d other, or undefined where the first derivative does not name `other`. */
function secondDerivative(name: string, other: string, attributes: MapAttributes): string | undefined {
  const derivative = derivativeBy(name, attributes);
  const second = attributes.second[name]?.[other];
  if (second !== undefined || !new RegExp(`\\b${other}\\b`).test(derivative)) return second;
  throw new KernelError(
    `map: expected the derivative of "${derivative}" by ${other}, as second derivatives are wanted, got none; pass second.${name}.${other}`,
  );
}

/** out = expression over the inputs and, by the names given to them, tangents and gradients. */
function evaluate(
  gpu: Gpu,
  expression: string,
  inputs: Tensors,
  { inner }: MapAttributes,
  others: Readonly<Record<string, MapInput>>,
  out: Tensor,
): void {
  mapKernel(gpu, expression, { ...kernelInputs(inputs, inner), ...others }, { y: out, length: out.size });
}

const tangentName = (name: string) => `tangent_${name}`;

/** The tangents of inputs as inputs of kernels, seen as the inputs are. */
const kernelTangents = (tangents: Tensors, inner: Readonly<Record<string, number>>): Record<string, MapInput> =>
  Object.fromEntries(Object.entries(kernelInputs(tangents, inner)).map(([name, input]) => [tangentName(name), input]));

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
    const upstream = { [UPSTREAM]: { buffer: gradient } };
    const gradientBy = (name: string) => {
      const each = Tensor.empty(gpu, gradient.shape);
      evaluate(gpu, `(${derivativeBy(name, attributes)}) * ${UPSTREAM}`, inputs, attributes, upstream, each);
      return sumToInput(gpu, each, inputs[name], attributes.inner[name]);
    };
    return Object.fromEntries(wanted.map((name) => [name, gradientBy(name)]));
  },
  tangent: {
    forward({ gpu, inputs, attributes, out, tangents }) {
      const moving = present(tangents);
      const terms = Object.keys(moving).map((name) => `(${derivativeBy(name, attributes)}) * ${tangentName(name)}`);
      const outTangent = Tensor.empty(gpu, out.shape);
      const named = kernelTangents(moving, attributes.inner);
      evaluate(gpu, terms.join(" + "), inputs, attributes, named, outTangent);
      return { out: outTangent, saved: undefined };
    },
    backward({ gpu, inputs, attributes, tangents, gradient, needs }) {
      const moving = present(tangents);
      const changeBy = (name: string) => {
        const terms = Object.keys(moving).flatMap((other) => {
          const second = secondDerivative(name, other, attributes);
          return second === undefined ? [] : [`(${second}) * ${tangentName(other)}`];
        });
        if (terms.length === 0) return undefined;
        const each = Tensor.empty(gpu, gradient.shape);
        const named = { ...kernelTangents(moving, attributes.inner), [UPSTREAM]: { buffer: gradient } };
        evaluate(gpu, `(${terms.join(" + ")}) * ${UPSTREAM}`, inputs, attributes, named, each);
        return sumToInput(gpu, each, inputs[name], attributes.inner[name]);
      };
      const wanted = Object.keys(inputs).filter(needs);
      return Object.fromEntries(wanted.map((name) => [name, changeBy(name)]));
    },
  },
});

const present = (tangents: Readonly<Record<string, Tensor | undefined>>): Tensors =>
  Object.fromEntries(Object.entries(tangents).flatMap(([name, tensor]) => (tensor ? [[name, tensor]] : [])));

/**
 * One WGSL expression over named tensors, element by element: `map("abs(w) * n", { w, n: { tensor: norms, inner: 1 } }, { w: "sign(w) * n" })`. The
 * result has the shape of the largest input. Inputs that ask for a gradient need a derivative, an expression over the same names; Hessian-vector
 * products need second ones too, where a derivative is not constant: `{ w: { n: "sign(w)" } }`.
 * @throws KernelError for names that are no inputs, for text that is no expression, and for a missing derivative; ShapeError for sizes that do not repeat.
 */
export function map(
  expression: string,
  inputs: Readonly<Record<string, Tensor | BroadcastInput>>,
  derivatives: Derivatives = {},
  second: SecondDerivatives = {},
): Tensor {
  const entries = Object.entries(inputs);
  const tensors = entries.map(([name, input]) => [name, input instanceof Tensor ? input : input.tensor] as const);
  const inner = entries.map(([name, input]) => [name, input instanceof Tensor ? 1 : input.inner] as const);
  return mapOp(Object.fromEntries(tensors), { expression, derivatives, second, inner: Object.fromEntries(inner) });
}
