/** Which rows and columns of host weights hold anything, and what is left when the others go. */
import type { FloatTensor } from "../../io/safetensors.js";

/** A weight [rows, columns] with a bias of its rows, where there is one. */
export interface HostLinear {
  readonly rows: number;
  readonly columns: number;
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
}

export const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** A layer's parameters; a convolution's weight counts as [out, rest]. */
export function hostLinear(weights: ReadonlyMap<string, FloatTensor>, layer: string): HostLinear {
  const { shape, data } = weights.get(`${layer}.weight`)!;
  return { rows: shape[0], columns: data.length / shape[0], weight: data, bias: weights.get(`${layer}.bias`)?.data };
}

const hasBias = ({ bias }: HostLinear, row: number): boolean => bias !== undefined && bias[row] !== 0;

/** Whether an output is ever anything but zero, given the inputs that are. */
export const writes = (linear: HostLinear, row: number, columns: readonly number[]): boolean =>
  hasBias(linear, row) || columns.some((column) => linear.weight[row * linear.columns + column] !== 0);

/** Whether some of the outputs depend on an input. */
export const reads = ({ weight, columns }: HostLinear, column: number, rows: readonly number[]): boolean =>
  rows.some((row) => weight[row * columns + column] !== 0);

/** A matrix without the other rows and columns. */
export function cutMatrix(
  { weight, columns: width }: Pick<HostLinear, "weight" | "columns">,
  rows: readonly number[],
  columns: readonly number[],
): FloatTensor {
  const data = new Float32Array(rows.length * columns.length);
  let at = 0;
  for (const row of rows) for (const column of columns) data[at++] = weight[row * width + column];
  return { shape: [rows.length, columns.length], data };
}

/** The reverse: a matrix of that shape with zeros but for the given rows and columns. */
export function placeMatrix(
  { data }: FloatTensor,
  [height, width]: readonly [number, number],
  rows: readonly number[],
  columns: readonly number[],
): FloatTensor {
  const placed = new Float32Array(height * width);
  let at = 0;
  for (const row of rows) for (const column of columns) placed[row * width + column] = data[at++];
  return { shape: [height, width], data: placed };
}

const cutVector = (values: Float32Array, kept: readonly number[]): FloatTensor => ({
  shape: [kept.length],
  data: Float32Array.from(kept, (index) => values[index]),
});

/** The entries of a layer that are left. */
export function cutLinear(
  name: string,
  linear: HostLinear,
  rows: readonly number[],
  columns: readonly number[],
): [string, FloatTensor][] {
  const weight = [`${name}.weight`, cutMatrix(linear, rows, columns)] as [string, FloatTensor];
  return linear.bias ? [weight, [`${name}.bias`, cutVector(linear.bias, rows)]] : [weight];
}

/**
 * The kept ones of `count` things, with others put back until their number divides by `multiple`, the first ones first, or all are there.
 * @param least - how many stay whatever happens
 */
export function roundedUp(kept: readonly number[], count: number, multiple: number, least = 0): number[] {
  const wanted = Math.min(count, Math.ceil(Math.max(kept.length, least) / multiple) * multiple);
  const stays = new Set(kept);
  for (let index = 0; stays.size < wanted; index++) stays.add(index);
  return [...stays].sort((a, b) => a - b);
}
