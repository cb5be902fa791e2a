/**
 * The network that masks leave, as a graph: units are its nodes, kept weights its edges. Biases are no edges: they carry constants, nothing of
 * the input.
 *
 * A layer reads the outputs of another one directly in a chain of linear layers (MLPs), and within a ViT's block: fc2 reads fc1, and proj reads
 * the values of qkv (attention mixes tokens, not channels). Everything else reads from or writes to the residual stream, which joins all channels, and so
 * counts as an end of the graph. So do queries and keys, which decide where values are read from.
 */
import { ShapeError } from "../../errors.js";
import type { LayerKind, PrunableLayer } from "../../nn/sites.js";
import type { MaskSet } from "./masks.js";

/** A kept weight: from an input of its layer to an output. */
export interface Edge {
  readonly input: number;
  readonly output: number;
}

/** Where a layer's inputs come from: input `i` is output `firstOutput + i` of `layer`. */
export interface InputSource {
  readonly layer: string;
  readonly firstOutput: number;
}

/** A layer's weights as edges. */
export interface GraphLayer {
  readonly name: string;
  /** Absent where inputs come from outside: from images or a residual stream. */
  readonly source: InputSource | undefined;
  /** [out, in], 1 = an edge. */
  readonly kept: Uint8Array;
  /** Number of edges. */
  readonly edgeCount: number;
  /** Edges that leave each input, [in]. */
  readonly outDegree: Uint32Array;
  /** Edges that enter each output, [out]. */
  readonly inDegree: Uint32Array;
  /** The edges, by output, then by input. */
  edges(): IterableIterator<Edge>;
}

/** Layers in the order of the forward pass. */
export interface LayeredGraph {
  readonly layers: readonly GraphLayer[];
}

/** Kinds of layers that read the outputs of a kind, when they follow it. */
const READERS: Partial<Record<LayerKind, readonly LayerKind[]>> = {
  linear: ["linear", "classifier"],
  fc1: ["fc2"],
  qkv: ["proj"],
};

/** Values are the last rows of qkv; all other layers are read as a whole. */
function sourceOf(layer: PrunableLayer, previous: PrunableLayer | undefined): InputSource | undefined {
  if (!previous || !READERS[previous.kind]?.includes(layer.kind)) return undefined;
  return { layer: previous.name, firstOutput: previous.out - layer.in };
}

/** Calls `visit` for every edge, by output, then by input: without an object for each, as a model has millions. */
export function forEachEdge(kept: Uint8Array, inputs: number, visit: (input: number, output: number) => void): void {
  for (let start = 0, output = 0; start < kept.length; start += inputs, output++) {
    for (let input = 0; input < inputs; input++) if (kept[start + input]) visit(input, output);
  }
}

function graphLayer(layer: PrunableLayer, source: InputSource | undefined, masks: MaskSet): GraphLayer {
  const { name, in: inputs, out: outputs } = layer;
  const kept = masks.get(`${name}.weight`)?.data ?? new Uint8Array(outputs * inputs).fill(1);
  if (kept.length !== outputs * inputs) {
    throw new ShapeError(
      `mask ${name}.weight: expected ${outputs * inputs} values, got ${kept.length}; use masks of this model`,
    );
  }
  const outDegree = new Uint32Array(inputs);
  const inDegree = new Uint32Array(outputs);
  let edgeCount = 0;
  forEachEdge(kept, inputs, (input, output) => {
    outDegree[input]++;
    inDegree[output]++;
    edgeCount++;
  });
  function* edges(): IterableIterator<Edge> {
    for (let index = kept.indexOf(1); index >= 0; index = kept.indexOf(1, index + 1)) {
      yield { input: index % inputs, output: Math.floor(index / inputs) };
    }
  }
  return { name, source, kept, edgeCount, outDegree, inDegree, edges };
}

/**
 * The graph of what masks keep.
 *
 * @param masks - over weights; layers without one are whole
 * @param layers - a model's, in the order of its forward pass
 * @throws ShapeError for masks of another model.
 */
export function layeredGraph(masks: MaskSet, layers: readonly PrunableLayer[]): LayeredGraph {
  return { layers: layers.map((layer, index) => graphLayer(layer, sourceOf(layer, layers[index - 1]), masks)) };
}
