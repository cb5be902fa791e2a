import { KernelError, ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { gateGradient, gate as gateKernel } from "../../kernels/gate.js";
import { map } from "../../kernels/map.js";
import { mapUnits } from "../../kernels/map-units.js";
import { applyMask } from "../../kernels/mask.js";
import { dropout as dropoutKernel } from "../../kernels/random.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";
import { addTerms } from "../terms.js";

interface GateAttributes {
  /** How many neighbours share a factor. */
  readonly inner: number;
  /** The result where that is there already. */
  readonly y?: Tensor;
  /** Whether x holds something else, as nobody was to read it. */
  readonly absent?: boolean;
}

/** @throws KernelError where the factors asked for no gradient when they were applied, and do now. */
function present(x: Tensor, { absent }: GateAttributes): Tensor {
  if (!absent) return x;
  throw new KernelError(
    "gate: gradient: expected factors that asked for one when they were applied, got some that ask since; set requiresGradient before the forward pass",
  );
}

function gradientOfGate(gpu: Gpu, { x, dy, g }: { x: Tensor; dy: Tensor; g: Tensor }, inner: number): Tensor {
  const dG = Tensor.empty(gpu, g.shape);
  gateGradient(gpu, { x, dy, dg: dG }, { length: x.size, inner, period: g.size });
  return dG;
}

const multiply = defineOp({
  name: "gate",
  float16: ["x"],
  forward(gpu, { x, g }: { x: Tensor; g: Tensor }, { inner, y }: GateAttributes) {
    if (x.size % (inner * g.size) !== 0) {
      throw new ShapeError(`gate: expected x in steps of ${inner} x ${g.size} elements, got [${x.shape}]`);
    }
    if (y) return { out: y, saved: undefined };
    const out = Tensor.empty(gpu, x.shape, x.type);
    gateKernel(gpu, { x, g, y: out }, { length: x.size, inner, period: g.size }, storageOf(x));
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { x, g }, attributes, gradient, needs }) {
    const { inner } = attributes;
    const size = { length: x.size, inner, period: g.size };
    const dX = needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
    if (dX) gateKernel(gpu, { x: gradient, g, y: dX }, size);
    const ofG = () => gradientOfGate(gpu, { x: present(x, attributes), dy: gradient, g }, inner);
    return { x: dX, g: needs("g") ? ofG() : undefined };
  },
  factors(gpu, { x, g }, attributes) {
    const { inner } = attributes;
    if (inner !== 1 || g.size !== x.shape.at(-1)) return undefined;
    return { g, gradient: (dy) => gradientOfGate(gpu, { x: present(x, attributes), dy, g }, inner) };
  },
  tangent: {
    forward({ gpu, inputs: { x, g }, attributes, tangents }) {
      const size = { length: x.size, inner: attributes.inner, period: g.size };
      const ofX = tangents.x && Tensor.empty(gpu, x.shape);
      if (ofX) gateKernel(gpu, { x: tangents.x!, g, y: ofX }, size);
      const ofG = tangents.g && Tensor.empty(gpu, x.shape);
      if (ofG) gateKernel(gpu, { x: present(x, attributes), g: tangents.g!, y: ofG }, size);
      return { out: addTerms(ofX, ofG), saved: undefined };
    },
    backward({ gpu, inputs: { x, g }, attributes: { inner }, tangents, gradient, needs }) {
      const size = { length: x.size, inner, period: g.size };
      const dX = tangents.g && needs("x") ? Tensor.empty(gpu, x.shape) : undefined;
      if (dX) gateKernel(gpu, { x: gradient, g: tangents.g!, y: dX }, size);
      const dG = tangents.x && needs("g") ? gradientOfGate(gpu, { x: tangents.x, dy: gradient, g }, inner) : undefined;
      return { x: dX, g: dG };
    },
  },
});

/** y[i] = x[i] * g[(i / inner) % g.size]: one gate value for each unit of x, shared along the other axes. */
export const gate = (x: Tensor, g: Tensor, inner: number): Tensor => multiply({ x, g }, { inner });

/**
 * The same where y, of x's shape, already holds the product; y becomes the result. x is only read where g asks for a gradient: it may hold anything
 * otherwise.
 */
export const gateOf = (x: Tensor, g: Tensor, inner: number, y: Tensor): Tensor =>
  multiply({ x, g }, { inner, y, absent: !g.tracked });

const spread = defineOp({
  name: "spreadUnits",
  forward(gpu, { g }: { g: Tensor }, { inner, width }: { inner: number; width: number }) {
    if (width % (inner * g.size) !== 0) {
      throw new ShapeError(`spreadUnits: expected [${g.shape}] to repeat whole in ${width} columns, ${inner} a unit`);
    }
    const out = Tensor.empty(gpu, [width]);
    map(gpu, "g", { g: { buffer: g, inner, period: g.size } }, { y: out, length: width });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { g }, attributes: { inner, width }, gradient }) {
    const dG = Tensor.empty(gpu, g.shape);
    mapUnits(gpu, "dy", { dy: { buffer: gradient } }, { y: dG, length: width, inner, period: g.size });
    return { g: dG };
  },
  tangent: "linear",
});

/** One value a column: y[c] = g[(c / inner) % g.size], y: [width]. @throws ShapeError where g does not repeat whole in it. */
export const spreadUnits = (g: Tensor, inner: number, width: number): Tensor => spread({ g }, { inner, width });

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
