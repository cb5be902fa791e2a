/** Layers of the networks here as ONNX operators. */
import type { Graph } from "./graph.js";

/** y = x W^T + b for rows [N, in], with W [out, in] as `prefix.weight` and, where there is one, `prefix.bias`. */
export function linear(graph: Graph, x: string, prefix: string): string {
  const inputs = [x, graph.parameter(`${prefix}.weight`), graph.parameter(`${prefix}.bias`)];
  return graph.node(prefix, "Gemm", inputs, { transB: 1 });
}

export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** A convolution of [N, C, H, W] with `prefix.weight` and, where there is one, `prefix.bias`. */
export function convolution(graph: Graph, x: string, prefix: string, { kernel, stride, padding }: Window): string {
  return graph.node(prefix, "Conv", [x, graph.parameter(`${prefix}.weight`), graph.parameter(`${prefix}.bias`)], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  });
}

export const relu = (graph: Graph, x: string, name: string): string => graph.node(name, "Relu", [x]);

/** x Phi(x) by erf, in the order of operators that runtimes know as one. ONNX has a Gelu only from opset 20 on. */
export function gelu(graph: Graph, x: string, name: string): string {
  const scaled = graph.node(`${name}.scaled`, "Div", [x, graph.scalar(Math.SQRT2)]);
  const erf = graph.node(`${name}.erf`, "Erf", [scaled]);
  const raised = graph.node(`${name}.raised`, "Add", [erf, graph.scalar(1)]);
  const product = graph.node(`${name}.product`, "Mul", [x, raised]);
  return graph.node(name, "Mul", [product, graph.scalar(0.5)]);
}

/** x from `start` to before `end` along an axis. */
export function slice(graph: Graph, x: string, [start, end]: readonly [number, number], axis: number, name: string) {
  return graph.node(name, "Slice", [x, ...[start, end, axis].map((value) => graph.integers([value]))]);
}

/**
 * Layer norm of rows [N, width] with `prefix.weight` and `prefix.bias`. Where mean and variance run over more columns than there are, the missing ones
 * are zeros: they are padded, and cut again.
 */
export function layerNorm(
  graph: Graph,
  x: string,
  prefix: string,
  { normEps, normWidth, embedDim }: { normEps: number; normWidth: number; embedDim: number },
): string {
  const operands = [x, graph.parameter(`${prefix}.weight`)!, graph.parameter(`${prefix}.bias`)!];
  const attributes = { axis: -1, epsilon: { float: normEps } };
  const missing = normWidth - embedDim;
  if (missing === 0) return graph.node(prefix, "LayerNormalization", operands, attributes);
  const [rows, ...vectors] = operands;
  const padded = [
    graph.node(`${prefix}.padded`, "Pad", [rows, graph.integers([0, 0, 0, missing])]),
    ...vectors.map((vector) => graph.node(`${vector}.padded`, "Pad", [vector, graph.integers([0, missing])])),
  ];
  const dense = graph.node(`${prefix}.dense`, "LayerNormalization", padded, attributes);
  return slice(graph, dense, [0, embedDim], 1, prefix);
}

/** Columns `places` of rows [N, width]; all of them where there is no list. */
export function takeColumns(graph: Graph, x: string, places: readonly number[] | undefined, name: string): string {
  if (!places) return x;
  return graph.node(name, "Gather", [x, graph.integers(places, `${name}.places`)], { axis: 1 });
}

/** Rows [N, width] with the columns of x at `places` and zeros elsewhere. Zeros come from a column of padding, so that batches stay dynamic. */
export function spreadColumns(
  graph: Graph,
  x: string,
  places: readonly number[] | undefined,
  width: number,
  name: string,
): string {
  if (!places) return x;
  const sources = new Array<number>(width).fill(places.length);
  for (const [source, place] of places.entries()) sources[place] = source;
  const padded = graph.node(`${name}.padded`, "Pad", [x, graph.integers([0, 0, 0, 1])]);
  return graph.node(name, "Gather", [padded, graph.integers(sources, `${name}.sources`)], { axis: 1 });
}
