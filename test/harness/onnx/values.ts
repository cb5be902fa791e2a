/** Tensors of the ONNX interpreter: shape and row-major values in float64. */
export interface Value {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export type At = readonly number[];

/** The value of f at every index tuple of a shape, in row-major order. */
export function tabulate(shape: readonly number[], f: (at: At) => number): Value {
  const at = shape.map(() => 0);
  const data = new Float64Array(shape.reduce((size, extent) => size * extent, 1));
  for (let i = 0; i < data.length; i++) {
    data[i] = f(at);
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis] === shape[axis]; axis--) at[axis] = 0;
  }
  return { shape, data };
}

export const read = ({ shape, data }: Value, at: At): number =>
  data[at.reduce((place, index, axis) => place * shape[axis] + index, 0)];

/** x at an index tuple of a shape that it is repeated to: aligned at the last axis, extents of 1 repeated. */
export const readBroadcast = (x: Value, at: At): number =>
  read(
    x,
    x.shape.map((extent, axis) => (extent === 1 ? 0 : at[at.length - x.shape.length + axis])),
  );

export const broadcastShape = (a: At, b: At): number[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, axis) => {
    const extents = [a, b].map((shape) => shape[shape.length - Math.max(a.length, b.length) + axis] ?? 1);
    if (extents[0] !== extents[1] && !extents.includes(1)) throw new Error(`[${a}] and [${b}] do not broadcast`);
    return Math.max(...extents);
  });

export const each = ({ shape, data }: Value, f: (x: number) => number): Value => ({ shape, data: data.map(f) });

export const pair = (a: Value, b: Value, f: (x: number, y: number) => number): Value =>
  tabulate(broadcastShape(a.shape, b.shape), (at) => f(readBroadcast(a, at), readBroadcast(b, at)));

export const sum = (length: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < length; i++) total += term(i);
  return total;
};

export const replaced = (at: At, axis: number, index: number): number[] =>
  at.map((old, i) => (i === axis ? index : old));

/** Rows along the last axis, each mapped as a whole. */
export function eachRow({ shape, data }: Value, f: (row: Float64Array) => Float64Array): Value {
  const width = shape.at(-1)!;
  const out = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += width) out.set(f(data.subarray(start, start + width)), start);
  return { shape, data: out };
}
