/** Sizes of a ViT's blocks. Those of a network that was cut differ from block to block, and read or write only some channels. */

/** An attention branch. */
export interface AttentionShape {
  readonly heads: number;
  /** Of a head, as attention computes it. */
  readonly headDim: number;
  /** Factor on q k^T: that of the dense head, also after dimensions of it are cut. */
  readonly scale: number;
  /** Channels of the residual stream that qkv reads, ascending; absent: all. */
  readonly inputs?: readonly number[];
  /**
   * Places in [3, heads, headDim] of the rows of qkv, ascending; the others are zero. Absent: each place has a row. The projection has a column for each
   * value among them.
   */
  readonly qkv?: readonly number[];
  /** Channels that the projection adds to, ascending; absent: all. */
  readonly outputs?: readonly number[];
}

/** An MLP branch. */
export interface MlpShape {
  readonly hidden: number;
  /** Channels of the residual stream that fc1 reads, ascending; absent: all. */
  readonly inputs?: readonly number[];
  /** Channels that fc2 adds to, ascending; absent: all. */
  readonly outputs?: readonly number[];
}

/** A block; a branch that was cut is absent, and its norm with it. */
export interface BlockShape {
  readonly attention?: AttentionShape;
  readonly mlp?: MlpShape;
  /** Patch tokens of each image that go on behind the attention: those that the class token attends to most. Absent: all. */
  readonly tokens?: number;
}

/** Rows of qkv. */
export const qkvRows = ({ heads, headDim, qkv }: AttentionShape): number => qkv?.length ?? 3 * heads * headDim;

/** Places in [heads, headDim] of the values that attention mixes: the columns of the projection. Undefined: all. */
export function contextPlaces({ heads, headDim, qkv }: AttentionShape): readonly number[] | undefined {
  const values = 2 * heads * headDim;
  return qkv?.filter((place) => place >= values).map((place) => place - values);
}

/** Columns of the projection. */
export const contextWidth = (shape: AttentionShape): number =>
  contextPlaces(shape)?.length ?? shape.heads * shape.headDim;

/** The blocks of a network that was not cut. */
export function uniformBlocks(
  depth: number,
  { embedDim, numHeads, hiddenDim }: { embedDim: number; numHeads: number; hiddenDim: number },
): BlockShape[] {
  const headDim = embedDim / numHeads;
  const block = { attention: { heads: numHeads, headDim, scale: headDim ** -0.5 }, mlp: { hidden: hiddenDim } };
  return new Array<BlockShape>(depth).fill(block);
}
