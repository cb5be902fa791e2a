/** What the two kinds of branches have in common when they are cut. */
import type { FloatTensor } from "../../io/safetensors.js";
import { type HostLinear, hostLinear, range } from "./host-matrix.js";

/** A branch before it is cut. Its shape may be that of an earlier cut. */
export interface DenseBranch<S> {
  /** "blocks.3" */
  readonly block: string;
  readonly shape: S;
  readonly embedDim: number;
  /** What numbers of kept rows and columns are rounded up to multiples of. */
  readonly roundTo: number;
  readonly linear: (name: string) => HostLinear;
  /** Columns of the first layer that are ever anything but zero: not so where the norm's weight and bias are. */
  readonly liveInputs: (norm: string, inputs: readonly number[] | undefined) => number[];
}

/** What is left of it; channels are numbered as before. */
export interface CutBranch<S> {
  readonly shape: S;
  readonly weights: Map<string, FloatTensor>;
}

export function denseBranch<S>(
  weights: ReadonlyMap<string, FloatTensor>,
  { block, shape, embedDim, roundTo }: Pick<DenseBranch<S>, "block" | "shape" | "embedDim" | "roundTo">,
): DenseBranch<S> {
  const isLive = (norm: string, channel: number): boolean =>
    ["weight", "bias"].some((part) => weights.get(`${block}.${norm}.${part}`)!.data[channel] !== 0);
  return {
    block,
    shape,
    embedDim,
    roundTo,
    linear: (name) => hostLinear(weights, `${block}.${name}`),
    liveInputs: (norm, inputs = range(embedDim)) =>
      inputs.flatMap((channel, column) => (isLive(norm, channel) ? [column] : [])),
  };
}

/** The channels that kept columns and rows stand for; left out where they are all. */
export function keptChannels(
  { inputs, outputs }: { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] },
  columns: readonly number[],
  rows: readonly number[],
  embedDim: number,
): { inputs?: readonly number[]; outputs?: readonly number[] } {
  const read = columns.map((column) => inputs?.[column] ?? column);
  const written = rows.map((row) => outputs?.[row] ?? row);
  return {
    ...(read.length < embedDim && { inputs: read }),
    ...(written.length < embedDim && { outputs: written }),
  };
}
