import type { Graph } from "./graph.js";
import { slice } from "./layers.js";

/** Tokens of an image: `prefix` that always stay, the class token first, and the others, of which `kept` stay. */
export interface TokenCounts {
  readonly tokens: number;
  readonly prefix: number;
  readonly kept: number;
}

/**
 * Of tokens [batch, tokens, width] the prefix and those that the class token attends to most, in their order; the earlier of equals.
 *
 * @param shares - attention after softmax, [batch, heads, tokens, tokens]
 */
export function keepTokens(
  graph: Graph,
  x: string,
  shares: string,
  { tokens, prefix, kept }: TokenCounts,
  name: string,
): string {
  const ofClass = graph.node(`${name}.class`, "Gather", [shares, graph.integer(0)], { axis: 2 });
  const ofOthers = slice(graph, ofClass, [prefix, tokens], 2, `${name}.others`);
  const means = graph.node(`${name}.means`, "ReduceMean", [ofOthers], { axes: [1], keepdims: 0 });
  const most = graph.top(means, kept, `${name}.most`, { largest: true }).indices;
  const inOrder = graph.top(most, kept, `${name}.order`, { largest: false }).values;
  const places = graph.node(`${name}.places`, "Add", [inOrder, graph.integer(prefix)]);
  const column = graph.node(`${name}.column`, "Reshape", [places, graph.integers([-1, kept, 1])]);
  const others = graph.node(`${name}.kept`, "GatherND", [x, column], { batch_dims: 1 });
  return graph.node(name, "Concat", [slice(graph, x, [0, prefix], 1, `${name}.prefix`), others], { axis: 1 });
}
