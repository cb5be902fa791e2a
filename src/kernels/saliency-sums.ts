/** Sums of terms by unit, in a fixed order and without atomics. Knows nothing of calibration. */
import type { Gpu } from "../gpu/index.js";
import { bufferOf } from "../gpu/scope.js";
import { constantNumber } from "../gpu/shader.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, valueConstants } from "./elements.js";
import { dispatchElementwise } from "./elementwise.js";
import * as shaders from "./shaders.gen.js";
import type { UnitPlacement } from "./units.js";

/** Formulas of shaders/shared/saliency_term.wgsl. */
const TERMS = {
  signed: "SIGNED",
  absolute: "ABSOLUTE",
  squared: "SQUARED",
  gradientSquared: "GRADIENT_SQUARED",
  identity: "IDENTITY",
  magnitude: "MAGNITUDE",
  fisher: "FISHER",
} as const;

export type Term = keyof typeof TERMS;

interface Operands {
  readonly a: BufferLike;
  readonly w: BufferLike;
  readonly score: BufferLike;
}

/** The range of an arena that a kernel touches, so that arenas may be larger than a binding. Bindings begin at multiples of 64 elements. */
function scoreWindow(gpu: Gpu, score: BufferLike, offset: number, count: number) {
  const buffer = bufferOf(score);
  buffer.assertAlive("saliency: score");
  const { raw, byteOffset } = buffer;
  const start = offset - (offset % 64);
  return { view: gpu.borrow(raw, byteOffset + start * 4, (offset + count - start) * 4), offset: offset - start };
}

/** score[offset + unit] += sum of term(a, w) over the elements of each unit. */
export function addTerms(gpu: Gpu, term: Term, { a, w, score }: Operands, layout: UnitPlacement): void {
  const { length, inner, period } = layout;
  const { view, offset } = scoreWindow(gpu, score, layout.offset ?? 0, period);
  if (period === length) {
    const buffers = { a, w, score: view };
    const call = { buffers, constants: { TERM: TERMS[term] }, params: { offset }, inFours: offset % 4 === 0 };
    dispatchElementwise(gpu, shaders.saliency_weights, call, length);
    return;
  }
  using _partials = gpu.scope();
  let pass: Pass = { term, a, w, outer: length / (inner * period), period, inner };
  for (let few = FEW; pass.outer * pass.inner > few; few = FEW_PARTIALS) {
    if (pass.inner >= MANY_INNER) pass = sumRows(gpu, pass);
    else if (pass.outer > 1) pass = sumColumns(gpu, pass);
    else break;
  }
  gpu.dispatch(shaders.saliency_units, {
    buffers: { a: pass.a, w: pass.w, score: view },
    params: { outer: pass.outer, period, inner: pass.inner, offset },
    constants: { TERM: TERMS[pass.term] },
    groups: Math.ceil(period / constantNumber(shaders.saliency_units, "GROUP")),
  });
}

/** Elements of a unit that one invocation sums alone: of the tensor, and of the partial sums that earlier passes left. */
const FEW = 64;
const FEW_PARTIALS = 1024;
/** From here on the contiguous elements of a unit are summed first. */
const MANY_INNER = 256;

/** Terms that are still to be summed: a and w are outer x period x inner. */
interface Pass {
  readonly term: Term;
  readonly a: BufferLike;
  readonly w: BufferLike;
  readonly outer: number;
  readonly period: number;
  readonly inner: number;
}

const partialSums = (pass: Pass, sums: BufferLike, shape: { outer: number; inner: number }): Pass => ({
  ...pass,
  ...shape,
  term: "identity",
  a: sums,
  w: sums,
});

/** Splits `count` evenly into parts of at most `limit`. */
function split(count: number, limit: number): { parts: number; steps: number } {
  const parts = Math.ceil(count / limit);
  return { parts, steps: Math.ceil(count / parts) };
}

const MOST_STEPS = 64;
const SHARERS = 8;

function sumRows(gpu: Gpu, pass: Pass): Pass {
  const width = loadWidth(pass.inner);
  const segments = pass.outer * pass.period;
  const inner = pass.inner / width;
  const { parts: chunks, steps } = split(Math.ceil(inner / SHARERS), MOST_STEPS);
  const sums = gpu.allocate(segments * chunks * SHARERS * width * 4);
  gpu.dispatch(shaders.saliency_rows, {
    buffers: { a: pass.a, w: pass.w, sums },
    params: { segments, inner, chunks },
    constants: { TERM: TERMS[pass.term], STEPS: steps, ...valueConstants(shaders.saliency_rows, width) },
    groups: Math.ceil((segments * chunks * SHARERS) / constantNumber(shaders.saliency_rows, "GROUP")),
  });
  return partialSums(pass, sums, { outer: pass.outer, inner: chunks * SHARERS * width });
}

function sumColumns(gpu: Gpu, pass: Pass): Pass {
  const width = loadWidth(pass.period * pass.inner);
  const columns = (pass.period * pass.inner) / width;
  const { parts: blocks, steps } = split(pass.outer, MOST_STEPS);
  const sums = gpu.allocate(blocks * columns * width * 4);
  gpu.dispatch(shaders.saliency_columns, {
    buffers: { a: pass.a, w: pass.w, sums },
    params: { rows: pass.outer, columns, blocks },
    constants: { TERM: TERMS[pass.term], STEPS: steps, ...valueConstants(shaders.saliency_columns, width) },
    groups: Math.ceil((blocks * columns) / constantNumber(shaders.saliency_columns, "GROUP")),
  });
  return partialSums(pass, sums, { outer: blocks, inner: pass.inner });
}
