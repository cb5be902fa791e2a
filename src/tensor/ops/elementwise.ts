import { ShapeError } from "../../errors.js";
import { activationGrad, activation as activationKernel, geluGradTangent } from "../../kernels/activation.js";
import { add as addKernel } from "../../kernels/add.js";
import { defineOp } from "../op.js";
import { requireOneType, type Shape, sizeOf, storageOf, Tensor } from "../tensor.js";

/** GELU in its erf form, or ReLU. */
export type ActivationKind = "gelu" | "relu";

/** Which function, and its result where that is there already. */
interface ActivationAttributes {
  readonly kind: ActivationKind;
  readonly y?: Tensor;
}

const activate = defineOp({
  name: "activation",
  activation: ({ kind }: ActivationAttributes) => kind,
  float16: ["x"],
  forward(gpu, { x }: { x: Tensor }, { kind, y }: ActivationAttributes) {
    if (y) return { out: y, saved: undefined };
    const out = Tensor.empty(gpu, x.shape, x.type);
    activationKernel(gpu, kind, { x, y: out }, { length: x.size }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: { kind }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    activationGrad(gpu, kind, { x, dy: gradient, dx: dX }, { length: x.size });
    return { x: dX };
  },
  tangent: {
    forward({ gpu, inputs: { x }, attributes: { kind }, tangents }) {
      const out = Tensor.empty(gpu, x.shape);
      activationGrad(gpu, kind, { x, dy: tangents.x!, dx: out }, { length: x.size });
      return { out, saved: undefined };
    },
    backward({ gpu, inputs: { x }, attributes: { kind }, tangents, gradient }) {
      if (kind === "relu") return {};
      const dX = Tensor.empty(gpu, x.shape);
      geluGradTangent(gpu, { x, xTangent: tangents.x!, dy: gradient, dx: dX }, { length: x.size });
      return { x: dX };
    },
  },
});

/** GELU with the error function, or ReLU, element by element. */
export const activation = (x: Tensor, kind: ActivationKind): Tensor => activate({ x }, { kind });

/** The same where y, of x's shape, already holds the function's values at x; y becomes the result. */
export const activationOf = (x: Tensor, kind: ActivationKind, y: Tensor): Tensor => activate({ x }, { kind, y });

const sum = defineOp({
  name: "add",
  float16: ["a", "b"],
  forward(gpu, { a, b }: { a: Tensor; b: Tensor }, y: Tensor | undefined) {
    if (a.size !== b.size) throw new ShapeError(`add: expected equal shapes, got [${a.shape}] and [${b.shape}]`);
    requireOneType("add", { a, b });
    if (y) return { out: y, saved: undefined };
    const out = Tensor.empty(gpu, a.shape, a.type);
    addKernel(gpu, { a, b, y: out }, { length: a.size }, storageOf(a));
    return { out, saved: undefined };
  },
  backward: ({ gradient }) => ({ a: gradient, b: gradient }),
  tangent: {
    forward({ gpu, tangents: { a, b }, out }) {
      const total = Tensor.empty(gpu, out.shape);
      if (a && b) addKernel(gpu, { a, b, y: total }, { length: total.size });
      else gpu.copy((a ?? b)!.buffer, total.buffer, 4 * total.size);
      return { out: total, saved: undefined };
    },
  },
});

/** a + b for tensors of one shape. */
export const add = (a: Tensor, b: Tensor): Tensor => sum({ a, b }, undefined);

/** The same where y already holds the sum; y becomes the result, and a and b may hold anything. */
export const addOf = (a: Tensor, b: Tensor, y: Tensor): Tensor => sum({ a, b }, y);

const view = defineOp({
  name: "reshape",
  float16: ["x"],
  forward: (gpu, { x }: { x: Tensor }, shape: Shape) => ({
    out: new Tensor(gpu, x.buffer, shape, x.type),
    saved: undefined,
  }),
  backward: ({ gpu, inputs: { x }, gradient }) => ({ x: new Tensor(gpu, gradient.buffer, x.shape) }),
  tangent: "linear",
});

/** The same memory under another shape of the same size. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sizeOf(shape) !== x.size) throw new ShapeError(`reshape: expected a shape of ${x.size} elements, got [${shape}]`);
  return view({ x }, shape);
}
