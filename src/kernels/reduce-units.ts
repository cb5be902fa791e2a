/** Sums and maxima of terms by unit, in a fixed order and without atomics: hand-written kernels in which the term may be an expression. */
import type { Gpu } from "../gpu/index.js";
import { constantNumber } from "../gpu/shader.js";
import { arenaWindow } from "./arena.js";
import type { BufferLike } from "./buffers.js";
import { loadWidth, valueConstants } from "./elements.js";
import { rowLanes } from "./rows.js";
import * as shaders from "./shaders.gen.js";
import { elementsOf, type Term } from "./term.js";

/** Terms seen as bands x outer x period x inner; each band has `period` units. */
export interface UnitShape {
  readonly bands?: number;
  readonly outer: number;
  readonly period: number;
  readonly inner: number;
}

/** What becomes of the terms of a unit. */
export interface UnitResult {
  readonly y: BufferLike;
  /** Place of unit 0 in y. */
  readonly offset?: number;
  /** The largest instead of the sum. */
  readonly max?: boolean;
  /** Takes the square root. */
  readonly root?: boolean;
  /** Factor of the result, after the root. */
  readonly scale?: number;
  /** Adds to what y holds, or takes the larger one. */
  readonly accumulate?: boolean;
}

const ROWS = constantNumber(shaders.reduce_columns, "ROWS");
/** Terms of a unit that one pass reduces to its result; where there are more, it reduces parts of so many. */
const MOST_TERMS = 4096;
const PART_TERMS = 2048;

/** One pass: what it reads, how that is seen, and the ending of its results. */
interface Pass {
  readonly term: Term;
  readonly shape: Required<UnitShape>;
  readonly parts: number;
  readonly y: BufferLike;
  readonly offset: number;
  readonly ending: Omit<UnitResult, "y" | "offset">;
}

/**
 * Long outer axes are reduced first, in parts of ROWS, by one invocation for each column; then the units, in parts of their inner axis, until one is
 * left. The first pass forms the terms, the last one finishes. Buffers are not checked.
 */
export function reduceUnits(
  gpu: Gpu,
  terms: Term,
  { bands = 1, outer, period, inner }: UnitShape,
  { y, offset = 0, ...ending }: UnitResult,
): void {
  using _partials = gpu.scope();
  const count = bands * period;
  let term = terms;
  let shape = period === 1 ? { bands, outer: 1, period, inner: outer * inner } : { bands, outer, period, inner };
  for (;;) {
    const byColumns = shape.outer > ROWS || (shape.outer > 1 && shape.inner === 1);
    const chunk = byColumns ? 1 : chunkOf(shape);
    const parts = byColumns ? Math.ceil(shape.outer / ROWS) : Math.ceil(shape.inner / chunk);
    const rest = byColumns ? { outer: parts, inner: shape.inner } : { outer: 1, inner: parts };
    const last = rest.outer * rest.inner === 1;
    const pass: Pass = {
      term,
      shape,
      parts,
      ...(last
        ? { ...arenaWindow("reduce: y", y, { offset, count }), ending }
        : { y: gpu.allocate(4 * count * rest.outer * rest.inner), offset: 0, ending: { max: ending.max } }),
    };
    if (byColumns) columnsPass(gpu, pass);
    else unitsPass(gpu, pass, chunk);
    if (last) return;
    term = elementsOf(pass.y);
    shape = { ...shape, ...rest };
  }
}

/** How much of the inner axis one pass reduces at once. */
function chunkOf({ outer, inner }: Required<UnitShape>): number {
  return outer * inner <= MOST_TERMS ? inner : Math.ceil(PART_TERMS / outer / 4) * 4;
}

const endingConstants = ({ max = false, root = false, accumulate = false }: Pass["ending"]) => ({
  MAX: max,
  ROOT: root,
  ACCUMULATE: accumulate,
});

/** y: bands x parts x (period inner). */
function columnsPass(gpu: Gpu, { term, shape, parts, y, offset, ending }: Pass): void {
  const { bands, outer, period, inner } = shape;
  const width = term.inFours ? loadWidth(period * inner, offset) : 1;
  const columns = (period * inner) / width;
  const count = bands * parts * columns;
  const shader = term.kernel(shaders.reduce_columns, width);
  gpu.dispatch(shader, {
    buffers: { ...term.buffers, y },
    params: { ...term.params, rows: outer, columns, parts, count, offset, scale: ending.scale ?? 1 },
    constants: { ...endingConstants(ending), ...valueConstants(shader, width) },
    groups: Math.ceil(count / constantNumber(shaders.reduce_columns, "GROUP")),
  });
}

/** y: bands x period x parts. */
function unitsPass(gpu: Gpu, { term, shape, parts, y, offset, ending }: Pass, chunk: number): void {
  const { bands, outer, period, inner } = shape;
  const width = term.inFours ? loadWidth(inner) : 1;
  const count = bands * period * parts;
  const { constants, groups } = rowLanes(gpu, count, chunk / width);
  const shader = term.kernel(shaders.reduce_units, width);
  const size = { rows: outer, period, inner: inner / width, chunk: chunk / width, parts, count };
  gpu.dispatch(shader, {
    buffers: { ...term.buffers, y },
    params: { ...term.params, ...size, offset, scale: ending.scale ?? 1 },
    constants: { ...constants, ...endingConstants(ending), ...valueConstants(shader, width) },
    groups,
  });
}
