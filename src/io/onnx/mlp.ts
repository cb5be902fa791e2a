import type { MlpConfig } from "../config.js";
import type { Graph } from "./graph.js";
import { linear, relu } from "./layers.js";

/** Images [batch, inputs] -> logits [batch, classes]. */
export function mlpGraph(graph: Graph, { hidden }: MlpConfig, images: string): string {
  const neurons = hidden.reduce((x, _, index) => {
    const layer = `lin.${index}`;
    return relu(graph, linear(graph, x, layer), `${layer}.neuron`);
  }, images);
  return linear(graph, neurons, `lin.${hidden.length}`);
}
