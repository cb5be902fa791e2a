/** ONNX operators that move values and leave them as they are. */
import type { Operators } from "./operator.js";
import { broadcastShape, read, readBroadcast, replaced, sum, tabulate, type Value } from "./values.js";

function reshape({ shape, data }: Value, wanted: Float64Array): Value {
  const extents = Array.from(wanted, (extent, axis) => (extent === 0 ? shape[axis] : extent));
  const known = extents.reduce((size, extent) => (extent < 0 ? size : size * extent), 1);
  const result = extents.map((extent) => (extent < 0 ? data.length / known : extent));
  if (result.reduce((a, b) => a * b, 1) !== data.length) throw new Error(`[${shape}] cannot become [${wanted}]`);
  return { shape: result, data };
}

export const shapeOperators: Operators = {
  Identity: ([x]) => x,
  Reshape: ([x, shape]) => reshape(x, shape.data),
  Flatten: ([x]) => reshape(x, Float64Array.of(x.shape[0], -1)),
  Shape: ([x], attributes) => {
    const data = Float64Array.from(x.shape.slice(attributes.number("start", 0), attributes.number("end")));
    return { shape: [data.length], data };
  },
  Expand: ([x, shape]) => tabulate(broadcastShape(x.shape, [...shape.data]), (at) => readBroadcast(x, at)),
  Transpose([x], attributes) {
    const perm = attributes.list("perm");
    const shape = perm.map((axis) => x.shape[axis]);
    return tabulate(shape, (at) =>
      read(
        x,
        x.shape.map((_, axis) => at[perm.indexOf(axis)]),
      ),
    );
  },
  Concat(inputs, attributes) {
    const axis = attributes.number("axis");
    const starts = inputs.map((_, i) => sum(i, (before) => inputs[before].shape[axis]));
    const extent = sum(inputs.length, (i) => inputs[i].shape[axis]);
    return tabulate(replaced(inputs[0].shape, axis, extent), (at) => {
      const part = starts.findLastIndex((start) => start <= at[axis]);
      return read(inputs[part], replaced(at, axis, at[axis] - starts[part]));
    });
  },
  Split([x], attributes, outputs) {
    const axis = attributes.number("axis");
    const extent = x.shape[axis] / outputs;
    return Array.from({ length: outputs }, (_, part) =>
      tabulate(replaced(x.shape, axis, extent), (at) => read(x, replaced(at, axis, at[axis] + part * extent))),
    );
  },
  Slice([x, starts, ends, axes]) {
    const [start, end, axis] = [starts, ends, axes].map(({ data }) => data[0]);
    return tabulate(replaced(x.shape, axis, end - start), (at) => read(x, replaced(at, axis, at[axis] + start)));
  },
  Gather([x, indices], attributes) {
    const axis = attributes.number("axis", 0);
    const rank = indices.shape.length;
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return tabulate(shape, (at) => {
      const index = read(indices, at.slice(axis, axis + rank));
      return read(x, [...at.slice(0, axis), index, ...at.slice(axis + rank)]);
    });
  },
  GatherND([x, indices], attributes) {
    if (attributes.number("batch_dims", 0) !== 1 || indices.shape[2] !== 1) throw new Error("GatherND: expected rows");
    const [batch, rows] = indices.shape;
    return tabulate([batch, rows, x.shape[2]], ([n, row, c]) => read(x, [n, read(indices, [n, row, 0]), c]));
  },
  TopK([x, count], attributes) {
    const [width, kept] = [x.shape.at(-1)!, count.data[0]];
    const sign = attributes.number("largest", 1) === 1 ? -1 : 1;
    const rows = Array.from({ length: x.data.length / width }, (_, r) => x.data.subarray(r * width, (r + 1) * width));
    const places = rows.map((row) => [...row.keys()].sort((a, b) => sign * (row[a] - row[b])).slice(0, kept));
    const shape = [...x.shape.slice(0, -1), kept];
    const values = places.flatMap((list, r) => list.map((place) => rows[r][place]));
    return [values, places.flat()].map((list) => ({ shape, data: Float64Array.from(list) }));
  },
  Pad([x, pads]) {
    const rank = x.shape.length;
    const shape = x.shape.map((extent, axis) => extent + pads.data[axis] + pads.data[rank + axis]);
    return tabulate(shape, (at) => {
      const from = at.map((index, axis) => index - pads.data[axis]);
      return from.every((index, axis) => index >= 0 && index < x.shape[axis]) ? read(x, from) : 0;
    });
  },
};
