/** Which units of a masked network lie on a path, and so can matter. */
import { forEachEdge, type GraphLayer, type LayeredGraph } from "./layered-graph.js";

/** What lives of a layer; 1 = alive. */
export interface LiveLayer {
  readonly inputs: Uint8Array;
  readonly outputs: Uint8Array;
  /** Edges between live units: weights that are kept and matter. */
  readonly edgeCount: number;
}

/** Outputs that a path leads to, given the inputs that one leads to. */
function reachedOutputs({ kept, inDegree }: GraphLayer, inputs: Uint8Array): Uint8Array {
  const outputs = new Uint8Array(inDegree.length);
  forEachEdge(kept, inputs.length, (input, output) => {
    outputs[output] |= inputs[input];
  });
  return outputs;
}

/** Inputs that a path leads on from, given the outputs that one leads on from. */
function usefulInputs({ kept, outDegree }: GraphLayer, outputs: Uint8Array): Uint8Array {
  const inputs = new Uint8Array(outDegree.length);
  forEachEdge(kept, inputs.length, (input, output) => {
    inputs[input] |= outputs[output];
  });
  return inputs;
}

function countEdges({ kept }: GraphLayer, inputs: Uint8Array, outputs: Uint8Array): number {
  let count = 0;
  forEachEdge(kept, inputs.length, (input, output) => {
    count += inputs[input] & outputs[output];
  });
  return count;
}

const both = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((value, index) => value & b[index]);

/**
 * Units on a path from an end of the graph where values come in to one where they go out, by layer. A neuron without living edges on either side is
 * dead, and so is one whose edges lead to dead units only.
 */
export function liveUnits({ layers }: LayeredGraph): Map<string, LiveLayer> {
  const reached = new Map<string, { readonly inputs: Uint8Array; readonly outputs: Uint8Array }>();
  for (const layer of layers) {
    const { name, source, outDegree } = layer;
    const inputs = source
      ? reached.get(source.layer)!.outputs.subarray(source.firstOutput)
      : new Uint8Array(outDegree.length).fill(1);
    reached.set(name, { inputs, outputs: reachedOutputs(layer, inputs) });
  }
  /** Outputs that something reads; those of a layer that nobody reads directly all are. */
  const useful = new Map(layers.map(({ name, inDegree }) => [name, new Uint8Array(inDegree.length).fill(1)]));
  const live = new Map<string, LiveLayer>();
  for (const layer of [...layers].reverse()) {
    const { name, source } = layer;
    const { inputs, outputs } = reached.get(name)!;
    const onwards = usefulInputs(layer, useful.get(name)!);
    if (source) useful.get(source.layer)!.set(onwards, source.firstOutput);
    const alive = { inputs: both(inputs, onwards), outputs: both(outputs, useful.get(name)!) };
    live.set(name, { ...alive, edgeCount: countEdges(layer, alive.inputs, alive.outputs) });
  }
  return new Map(layers.map(({ name }) => [name, live.get(name)!]));
}
