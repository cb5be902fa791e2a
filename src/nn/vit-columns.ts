/** Which channels the matrices of a cut block read and write, as maps on the device. */
import type { Gpu } from "../gpu/index.js";
import { type AttentionShape, type BlockShape, contextPlaces, type MlpShape } from "../io/vit-shape.js";
import { ColumnMap } from "../tensor/index.js";

/** Maps of a block; an absent one stands for all columns. */
export interface BlockColumns {
  readonly attentionInputs?: ColumnMap;
  readonly qkv?: ColumnMap;
  readonly context?: ColumnMap;
  readonly attentionOutputs?: ColumnMap;
  readonly mlpInputs?: ColumnMap;
  readonly mlpOutputs?: ColumnMap;
}

export function blockColumns(gpu: Gpu, { attention, mlp }: BlockShape, embedDim: number): BlockColumns {
  const map = (columns: readonly number[] | undefined, width: number) => columns && new ColumnMap(gpu, columns, width);
  return { ...(attention && ofAttention(attention)), ...(mlp && ofMlp(mlp)) };

  function ofAttention(shape: AttentionShape): BlockColumns {
    const width = shape.heads * shape.headDim;
    return {
      attentionInputs: map(shape.inputs, embedDim),
      qkv: map(shape.qkv, 3 * width),
      context: map(contextPlaces(shape), width),
      attentionOutputs: map(shape.outputs, embedDim),
    };
  }

  function ofMlp({ inputs, outputs }: MlpShape): BlockColumns {
    return { mlpInputs: map(inputs, embedDim), mlpOutputs: map(outputs, embedDim) };
  }
}

export function releaseColumns(columns: BlockColumns): void {
  for (const map of Object.values(columns) as (ColumnMap | undefined)[]) map?.release();
}
