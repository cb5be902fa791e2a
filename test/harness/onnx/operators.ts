/** ONNX operators that compute, as onnx.ai defines them, in plain loops. */
import { normalCdf } from "../normal-cdf.js";
import type { Attributes, Operators } from "./operator.js";
import {
  type At,
  broadcastShape,
  each,
  eachRow,
  pair,
  read,
  readBroadcast,
  sum,
  tabulate,
  type Value,
} from "./values.js";

function softmax(row: Float64Array): Float64Array {
  const powers = row.map((x) => Math.exp(x - Math.max(...row)));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

function normalize(row: Float64Array, epsilon: number): Float64Array {
  const mean = sum(row.length, (i) => row[i]) / row.length;
  const variance = sum(row.length, (i) => (row[i] - mean) ** 2) / row.length;
  return row.map((x) => (x - mean) / Math.sqrt(variance + epsilon));
}

/** Places under a window; outside of the image it is undefined. */
function windows(x: Value, [height, width]: At, attributes: Attributes) {
  const [stride] = attributes.list("strides");
  const [top, left, bottom, right] = attributes.list("pads");
  const [, , h, w] = x.shape;
  return {
    extents: [(h + top + bottom - height) / stride + 1, (w + left + right - width) / stride + 1].map(Math.floor),
    read: (n: number, c: number, y: number, x_: number, i: number, j: number): number | undefined => {
      const [row, column] = [y * stride + i - top, x_ * stride + j - left];
      return row < 0 || row >= h || column < 0 || column >= w ? undefined : read(x, [n, c, row, column]);
    },
  };
}

export const operators: Operators = {
  Add: ([a, b]) => pair(a, b, (x, y) => x + y),
  Mul: ([a, b]) => pair(a, b, (x, y) => x * y),
  Div: ([a, b]) => pair(a, b, (x, y) => x / y),
  Relu: ([x]) => each(x, (value) => Math.max(value, 0)),
  Erf: ([x]) => each(x, (value) => 2 * normalCdf(value * Math.SQRT2) - 1),
  Softmax: ([x]) => eachRow(x, softmax),
  MatMul([a, b]) {
    const inner = a.shape.at(-1)!;
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return tabulate([...batch, a.shape.at(-2)!, b.shape.at(-1)!], (at) => {
      const [outer, row, column] = [at.slice(0, -2), at.at(-2)!, at.at(-1)!];
      return sum(inner, (i) => readBroadcast(a, [...outer, row, i]) * readBroadcast(b, [...outer, i, column]));
    });
  },
  Gemm([a, b, c], attributes) {
    const transposed = attributes.number("transB", 0) === 1;
    const [outputs, inner] = transposed ? b.shape : [b.shape[1], b.shape[0]];
    if (a.shape[1] !== inner) throw new Error(`Gemm of [${a.shape}] and [${b.shape}]`);
    return tabulate([a.shape[0], outputs], ([row, column]) => {
      const product = sum(inner, (i) => read(a, [row, i]) * read(b, transposed ? [column, i] : [i, column]));
      return product + (c ? readBroadcast(c, [row, column]) : 0);
    });
  },
  LayerNormalization([x, scale, bias], attributes) {
    const normed = eachRow(x, (row) => normalize(row, attributes.number("epsilon", 1e-5)));
    const scaled = pair(normed, scale, (value, factor) => value * factor);
    return pair(scaled, bias, (value, offset) => value + offset);
  },
  ReduceMean([x], attributes) {
    const [axis] = attributes.list("axes");
    if (attributes.number("keepdims", 1) !== 0) throw new Error("ReduceMean: expected keepdims 0");
    const shape = x.shape.filter((_, i) => i !== axis);
    const extent = x.shape[axis];
    return tabulate(shape, (at) => sum(extent, (i) => read(x, [...at.slice(0, axis), i, ...at.slice(axis)])) / extent);
  },
  Conv([x, weight, bias], attributes) {
    const [outputs, channels, height, width] = weight.shape;
    const under = windows(x, [height, width], attributes);
    return tabulate([x.shape[0], outputs, ...under.extents], ([n, o, y, column]) => {
      const term = (i: number) => {
        const [c, row, tap] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
        return (under.read(n, c, y, column, row, tap) ?? 0) * read(weight, [o, c, row, tap]);
      };
      return sum(channels * height * width, term) + (bias?.data[o] ?? 0);
    });
  },
  MaxPool([x], attributes) {
    const [height, width] = attributes.list("kernel_shape");
    const under = windows(x, [height, width], attributes);
    return tabulate([x.shape[0], x.shape[1], ...under.extents], ([n, c, y, column]) => {
      const places = Array.from({ length: height * width }, (_, i) => [Math.floor(i / width), i % width]);
      return Math.max(...places.map(([row, tap]) => under.read(n, c, y, column, row, tap) ?? -Infinity));
    });
  },
  GlobalAveragePool([x]) {
    const [n, c, height, width] = x.shape;
    const mean = (at: At) => sum(height * width, (i) => read(x, [at[0], at[1], Math.floor(i / width), i % width]));
    return tabulate([n, c, 1, 1], (at) => mean(at) / (height * width));
  },
  BatchNormalization([x, scale, bias, mean, variance], attributes) {
    const epsilon = attributes.number("epsilon", 1e-5);
    return tabulate(x.shape, (at) => {
      const [scaled, offset, center, spread] = [scale, bias, mean, variance].map(({ data }) => data[at[1]]);
      return ((read(x, at) - center) / Math.sqrt(spread + epsilon)) * scaled + offset;
    });
  },
};
