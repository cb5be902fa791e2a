/**
 * Index lists that do not pay. Where a layer writes some columns of wider rows, its results are copied to their places; where only a few are missing,
 * rows of zeros in its weight are cheaper, and the layer needs no list.
 */
import type { FloatTensor } from "../../io/safetensors.js";
import {
  type AttentionShape,
  type BlockShape,
  contextPlaces,
  contextWidth,
  type MlpShape,
} from "../../io/vit-shape.js";
import { placeMatrix, range } from "./host-matrix.js";

type Weights = Map<string, FloatTensor>;

/** Multiply-adds that take as long as copying an element: so many were measured on lavapipe, in products of 64 columns. */
const COPY = 20;

/** Blocks whose lists of places all pay. Zeros go into `weights`. */
export const fillGaps = (blocks: readonly BlockShape[], weights: Weights, embedDim: number): BlockShape[] =>
  blocks.map(({ attention, mlp, ...rest }, index) => {
    const block = { name: `blocks.${index}`, weights, embedDim };
    return {
      ...rest,
      ...(attention && { attention: filledAttention(attention, block) }),
      ...(mlp && { mlp: filledOutputs(mlp, { ...block, layer: "mlp.fc2", inputs: mlp.hidden }) }),
    };
  });

interface Block {
  readonly name: string;
  readonly weights: Weights;
  readonly embedDim: number;
}

function filledAttention(shape: AttentionShape, block: Block): AttentionShape {
  const { qkv, ...whole } = filledOutputs(shape, { ...block, layer: "attn.proj", inputs: contextWidth(shape) });
  const context = contextPlaces(shape);
  if (!qkv || !context) return whole;
  const { embedDim, name, weights } = block;
  const { inputs, outputs } = whole;
  const width = shape.heads * shape.headDim;
  const ofQkv = (3 * width - qkv.length) * (inputs?.length ?? embedDim);
  const ofProj = (width - context.length) * (outputs?.length ?? embedDim);
  if (ofQkv + ofProj > COPY * (3 * width + context.length)) return { ...whole, qkv };
  fillRows(weights, `${name}.attn.qkv`, qkv, 3 * width);
  fillColumns(weights, `${name}.attn.proj`, context, width);
  return whole;
}

/** @param inputs - of the branch's last layer */
function filledOutputs<S extends AttentionShape | MlpShape>(
  shape: S,
  { name, weights, embedDim, layer, inputs }: Block & { layer: string; inputs: number },
): S {
  const { outputs, ...whole } = shape;
  if (!outputs || (embedDim - outputs.length) * inputs > COPY * embedDim) return shape;
  fillRows(weights, `${name}.${layer}`, outputs, embedDim);
  return whole as S;
}

/** Rows of a layer at their places among `count`. */
function fillRows(weights: Weights, layer: string, places: readonly number[], count: number): void {
  const weight = weights.get(`${layer}.weight`)!;
  const columns = range(weight.shape[1]);
  weights.set(`${layer}.weight`, placeMatrix(weight, [count, columns.length], places, columns));
  const bias = weights.get(`${layer}.bias`);
  if (bias) weights.set(`${layer}.bias`, { shape: [count], data: placeMatrix(bias, [count, 1], places, [0]).data });
}

/** Columns of a layer at their places among `count`. */
function fillColumns(weights: Weights, layer: string, places: readonly number[], count: number): void {
  const weight = weights.get(`${layer}.weight`)!;
  const rows = range(weight.shape[0]);
  weights.set(`${layer}.weight`, placeMatrix(weight, [rows.length, count], rows, places));
}
