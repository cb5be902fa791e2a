/** Which weights make up a unit. Element i of a member belongs to unit `(i / band) * period + (i / inner) % period`, the rule of all kernels. */
import { blockUnits } from "../kernels/units.js";

/** What a layer does, for tables and for deciding what pruning leaves alone by default. */
export type LayerKind = "qkv" | "proj" | "fc1" | "fc2" | "linear" | "conv" | "embedding" | "classifier";

/** A layer with a weight matrix [out, in]. */
export interface PrunableLayer {
  /** Without `.weight`: "blocks.0.attn.qkv". */
  readonly name: string;
  readonly kind: LayerKind;
  readonly out: number;
  readonly in: number;
  readonly hasBias: boolean;
  /** Multiply-accumulates of one weight for one example: how often the layer is applied to one. */
  readonly applications: number;
}

/** The layer whose weight matrix a parameter is. */
export const layerOf = (
  { layers }: { readonly layers: readonly PrunableLayer[] },
  parameter: string,
): PrunableLayer | undefined => layers.find(({ name }) => `${name}.weight` === parameter);

/** A parameter that a unit takes part of. */
export interface UnitMember {
  readonly parameter: string;
  readonly inner: number;
  readonly period: number;
  /** Elements after which units are numbered on, as blocks of a matrix are; default: none are. */
  readonly band?: number;
}

/** Kinds of units that are made of parts of several parameters. */
export const UNIT_KINDS = [
  "head",
  "neuron",
  "headDim",
  "attn.in",
  "attn.out",
  "attn.residual",
  "mlp.in",
  "mlp.residual",
  "embed",
  "attn",
  "mlp",
  "block",
] as const;

/**
 * What goes or stays as a whole: a head; a neuron; a dimension of all heads of a block and of their queries, keys and values; a channel that qkv reads,
 * that the projection reads or writes, that fc1 reads or that fc2 writes; a channel of the whole residual stream; an attention or MLP branch; a block.
 */
export type UnitKind = (typeof UNIT_KINDS)[number];

/** Units of one place of a model, such as the heads of a block. */
export interface UnitGroup {
  /** "blocks.0.attn.head" */
  readonly name: string;
  readonly units: number;
  readonly members: readonly UnitMember[];
  /** FLOPs of a unit for one example besides those of its weights. */
  readonly flops?: number;
  /** Further weights and biases whose results nothing reads once a unit is gone, and the layer whose they are. */
  readonly idle?: { readonly layer: string; readonly weights: number; readonly biases: number };
}

/** Every weight of a layer is a unit. */
export function weightUnits(layer: PrunableLayer): UnitGroup {
  const units = layer.out * layer.in;
  return { name: layer.name, units, members: [{ parameter: `${layer.name}.weight`, inner: 1, period: units }] };
}

/** Every output of a layer is a unit: its row of the weight and its bias. */
export function rowUnits(layer: PrunableLayer): UnitGroup {
  const weight = { parameter: `${layer.name}.weight`, inner: layer.in, period: layer.out };
  const bias = { parameter: `${layer.name}.bias`, inner: 1, period: layer.out };
  return { name: layer.name, units: layer.out, members: layer.hasBias ? [weight, bias] : [weight] };
}

/** Every block of a layer's weight [out, in] is a unit, by rows of blocks. @throws ShapeError when blocks do not tile the weight. */
export function blockGroup(layer: PrunableLayer, [blockRows, blockColumns]: readonly [number, number]): UnitGroup {
  const { length, ...unit } = blockUnits({ rows: layer.out, columns: layer.in, blockRows, blockColumns });
  const members = [{ parameter: `${layer.name}.weight`, ...unit }];
  return { name: layer.name, units: length / (blockRows * blockColumns), members };
}
