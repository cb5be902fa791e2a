import { mapUnits } from "../../src/kernels/map-units.js";
import { type BandedLayout, blockUnits, unitCount } from "../../src/kernels/units.js";
import { sumOf } from "../harness/close.js";
import type { KernelCase } from "../harness/kernel-case.js";
import { normals } from "../harness/random.js";

/** A layout of units, and how the second input is broadcast: by row, by column, by head, or not at all. */
interface Layout extends BandedLayout {
  readonly what: string;
  readonly offset?: number;
  readonly norms?: { readonly inner?: number; readonly period: number };
  readonly benchOnly?: boolean;
}

const matrix = (rows: number, columns: number) => ({
  weights: { length: rows * columns, inner: 1, period: rows * columns },
  rows: { length: rows * columns, inner: columns, period: rows },
  columns: { length: rows * columns, inner: 1, period: columns },
  byRow: { inner: columns, period: rows },
  byColumn: { period: columns },
});
const blocks = (rows: number, columns: number, blockRows: number, blockColumns: number) =>
  blockUnits({ rows, columns, blockRows, blockColumns });

const small = matrix(36, 96);
const odd = matrix(37, 67);
const heads = { length: 3 * 4 * 8 * 24, inner: 8 * 24, period: 4 };
const large = matrix(768, 3072);

const layouts: Layout[] = [
  { what: "one weight", length: 1, inner: 1, period: 1 },
  { what: "weights 36x96", ...small.weights, norms: small.byColumn },
  { what: "weights 36x96 at 8 by row", ...small.weights, offset: 8, norms: small.byRow },
  { what: "weights 37x67 at 71 by row", ...odd.weights, offset: 71, norms: odd.byRow },
  { what: "weights of heads", ...heads, inner: 1, period: heads.length, norms: heads },
  { what: "rows 36x96 by column", ...small.rows, norms: small.byColumn },
  { what: "rows 37x67 at 5 by row", ...odd.rows, offset: 5, norms: odd.byRow },
  { what: "rows 3x9001", ...matrix(3, 9001).rows },
  { what: "columns 36x96 by row", ...small.columns, norms: small.byRow },
  { what: "columns 37x67 at 130 by column", ...odd.columns, offset: 130, norms: odd.byColumn },
  { what: "columns 4200x12 at 2", ...matrix(4200, 12).columns, offset: 2, norms: { period: 1 } },
  { what: "heads 3x4x8x24 by head", ...heads, norms: heads },
  { what: "heads 65x3x64", length: 65 * 3 * 64, inner: 64, period: 3, norms: { period: 192 } },
  { what: "filters 5x7x9", length: 5 * 7 * 9, inner: 9, period: 7, norms: { inner: 63, period: 5 } },
  { what: "blocks 32x32 of 64x96", ...blocks(64, 96, 32, 32), offset: 3, norms: { period: 96 } },
  { what: "blocks 4x5 of 24x35", ...blocks(24, 35, 4, 5), norms: { inner: 35, period: 24 } },
  { what: "blocks 1x1 of 9x7", ...blocks(9, 7, 1, 1) },
  { what: "blocks 100x1 of 300x7", ...blocks(300, 7, 100, 1) },
  { what: "blocks 2x5000 of 4x10000", ...blocks(4, 10_000, 2, 5000) },
  { what: "65,537 rows of 5", length: 65_537 * 5, inner: 5, period: 65_537 },
  { what: "weights 768x3072 by column", ...large.weights, norms: large.byColumn, benchOnly: true },
  { what: "rows 768x3072 by column", ...large.rows, norms: large.byColumn, benchOnly: true },
  { what: "columns 768x3072 by row", ...large.columns, norms: large.byRow, benchOnly: true },
  { what: "blocks 32x32 of 768x3072", ...blocks(768, 3072, 32, 32), benchOnly: true },
];

type Mode = "sum" | "max" | "add" | "add max";

function unitsCase(layout: Layout, mode: Mode): KernelCase {
  const { what, length, inner, period, band = length, offset = 0, norms = { period: length }, benchOnly } = layout;
  const units = unitCount(layout);
  const max = mode.endsWith("max");
  const accumulate = mode.startsWith("add");
  // What is overwritten is poisoned.
  const before = (): Record<string, Float32Array> => (accumulate ? { y: normals(offset + units, period) } : {});
  return {
    name: `mapUnits ${mode} ${what}`,
    inputs: () => ({ w: normals(length, length), n: normals(norms.period, length + 1), ...before() }),
    outputs: { y: { length: offset + units } },
    run: (gpu, { w, n, y }) =>
      mapUnits(
        gpu,
        "w * abs(n) + 0.25",
        { w: { buffer: w }, n: { buffer: n, ...norms } },
        { y, length, inner, period, band, offset, accumulate, reduction: max ? "max" : "sum" },
      ),
    oracle: ({ w, n, y: old }) => {
      const start = () => (max ? Number.NEGATIVE_INFINITY : 0);
      const y = Float64Array.from({ length: offset + units }, (_, i) =>
        old ? old[i] : i < offset ? Number.NaN : start(),
      );
      for (let i = 0; i < length; i++) {
        const value = w[i] * Math.abs(n[Math.floor(i / (norms.inner ?? 1)) % norms.period]) + 0.25;
        const u = offset + Math.floor(i / band) * period + (Math.floor(i / inner) % period);
        y[u] = max ? Math.max(y[u], value) : y[u] + value;
      }
      return { y };
    },
    tolerance: sumOf(max ? 1 : length / units + 1),
    flops: 3 * length,
    bytes: 4 * (length + norms.period + units),
    benchOnly,
  };
}

/** Scores that are not of the same sign show a maximum that began at 0. */
const negative: KernelCase = {
  name: "mapUnits max of negative values",
  inputs: () => ({ w: normals(35 * 300, 1) }),
  outputs: { y: { length: 35 } },
  run: (gpu, { w, y }) =>
    mapUnits(
      gpu,
      "-1.0 - w * w",
      { w: { buffer: w } },
      { y, length: w.byteLength / 4, inner: 300, period: 35, reduction: "max" },
    ),
  oracle: ({ w }) => {
    const y = new Float64Array(35).fill(Number.NEGATIVE_INFINITY);
    w.forEach((x, i) => {
      y[Math.floor(i / 300)] = Math.max(y[Math.floor(i / 300)], -1 - x * x);
    });
    return { y };
  },
  tolerance: sumOf(1),
};

export const cases: KernelCase[] = [
  ...layouts.map((layout) => unitsCase(layout, "sum")),
  ...layouts.filter(({ benchOnly }) => !benchOnly).map((layout) => unitsCase(layout, "add")),
  ...layouts.filter(({ benchOnly }) => !benchOnly).map((layout) => unitsCase(layout, "max")),
  ...layouts.filter(({ what }) => /36x96|blocks|heads/.test(what)).map((layout) => unitsCase(layout, "add max")),
  negative,
];
