import { ShapeError } from "../../errors.js";
import { gateGradient, gate as gateKernel } from "../../kernels/gate.js";
import { applyMask } from "../../kernels/mask.js";
import { dropout as dropoutKernel } from "../../kernels/random.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";

const multiply = defineOp({
  name: "gate",
  float16: ["x"],
  forward(gpu, { x, g }: { x: Tensor; g: Tensor }, inner: number) {
    if (x.size % (inner * g.size) !== 0) {
      throw new ShapeError(`gate: expected x in steps of ${inner} x ${g.size} elements, got [${x.shape}]`);
    }
    const out = Tensor.empty(gpu, x.shape, x.type);
    gateKernel(gpu, { x, g, y: out }, { length: x.size, inner, period: g.size }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x, g }, attributes: inner, gradient, needs }) {
    const size = { length: x.size, inner, period: g.size };
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) gateKernel(gpu, { x: gradient, g, y: dX }, size);
    const dG = needs("g") ? Tensor.empty(gpu, g.shape) : undefined;
    if (dG) gateGradient(gpu, { x, dy: gradient, dg: dG }, size);
    return { x: dX, g: dG };
  },
  tangent: {
    forward({ gpu, inputs: { x, g }, attributes: inner, tangents }) {
      const size = { length: x.size, inner, period: g.size };
      const ofX = tangents.x && Tensor.empty(gpu, x.shape);
      if (ofX) gateKernel(gpu, { x: tangents.x!, g, y: ofX }, size);
      const ofG = tangents.g && Tensor.empty(gpu, x.shape);
      if (ofG) gateKernel(gpu, { x, g: tangents.g!, y: ofG }, size);
      return { out: addTerms(ofX, ofG), saved: undefined };
    },
    backward({ gpu, inputs: { x, g }, attributes: inner, tangents, gradient, needs }) {
      const size = { length: x.size, inner, period: g.size };
      const dX = tangents.g && needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
      if (dX) gateKernel(gpu, { x: gradient, g: tangents.g!, y: dX }, size);
      const dG = tangents.x && needs("g") ? Tensor.empty(gpu, g.shape) : undefined;
      if (dG) gateGradient(gpu, { x: tangents.x!, dy: gradient, dg: dG }, size);
      return { x: dX, g: dG };
    },
  },
});

/** y[i] = x[i] * g[(i / inner) % g.size]: one gate value for each unit of x, shared along the other axes. */
export const gate = (x: Tensor, g: Tensor, inner: number): Tensor => multiply({ x, g }, inner);

const masked = defineOp({
  name: "mask",
  forward(gpu, { x }: { x: Tensor }, mask: Tensor) {
    const out = Tensor.empty(gpu, x.shape);
    applyMask(gpu, { x, mask, y: out }, { length: x.size });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: mask, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    applyMask(gpu, { x: gradient, mask, y: dX }, { length: x.size });
    return { x: dX };
  },
  tangent: "linear",
});

/** x * mask for a mask of one bit an element (u32 words). */
export const applyBits = (x: Tensor, mask: Tensor): Tensor => masked({ x }, mask);

/** What decides which units are dropped. */
export interface DropoutAttributes {
  /** Probability of keeping a unit; kept ones are divided by it. */
  readonly keep: number;
  /** Elements that share one draw: 1 is dropout, tokens * width is drop path by example. */
  readonly inner: number;
  /** u32 [seed, step]: what makes each step's draws different. */
  readonly state: Tensor;
  /** Tells the call sites of one step apart. */
  readonly stream: number;
}

const drop = defineOp({
  name: "dropout",
  forward(gpu, { x }: { x: Tensor }, { state, ...size }: DropoutAttributes) {
    const out = Tensor.empty(gpu, x.shape);
    dropoutKernel(gpu, { x, y: out, state }, { length: x.size, ...size });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x }, attributes: { state, ...size }, gradient }) {
    const dX = Tensor.empty(gpu, x.shape);
    dropoutKernel(gpu, { x: gradient, y: dX, state }, { length: x.size, ...size });
    return { x: dX };
  },
  tangent: "linear",
});

/** Inverted dropout, or drop path with `inner` = one example. The draws depend on seed, step, stream and unit only. */
export const dropout = (x: Tensor, attributes: DropoutAttributes): Tensor => drop({ x }, attributes);
