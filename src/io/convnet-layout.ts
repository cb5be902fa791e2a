/**
 * Convolutional networks as data: parameters, prunable layers, initial weights, FLOPs and the forward pass all follow from one list of stages.
 */

/** PyTorch's, which all networks here were made with. */
export const BATCH_NORM_EPSILON = 1e-5;

/** What lies between two stages: so many channels of size x size pixels. */
export interface Extent {
  readonly channels: number;
  readonly size: number;
}

/** A square convolution and the batch norm behind it, with the extent of what they write. Its padding keeps the pixels of stride 1. */
export interface ConvNorm extends Extent {
  /** Names of parameters without `.weight`. */
  readonly conv: string;
  readonly norm: string;
  readonly inputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly bias: boolean;
}

/** A shortcut that multiplies each channel by a weight. */
export interface Scale {
  readonly scale: string;
  readonly channels: number;
}

/** One step of a network. */
export type Stage =
  /** Convolution, batch norm, ReLU. The channels of one that is not `residual` are read by the next stage only. */
  | { readonly kind: "conv"; readonly conv: ConvNorm; readonly residual: boolean }
  | {
      readonly kind: "maxPool";
      readonly window: readonly [height: number, width: number];
      readonly stride: number;
      readonly padding: number;
    }
  /** ReLU of shortcut(x) + branch(x), with a ReLU between the branch's convolutions. Without a shortcut x itself is added. */
  | {
      readonly kind: "block";
      readonly name: string;
      readonly branch: readonly ConvNorm[];
      readonly shortcut: ConvNorm | Scale | undefined;
    };

/** Stages one after the other; the mean over all pixels then goes into the linear layer `fc`. */
export interface ConvNetLayout {
  readonly stages: readonly Stage[];
  /** What is pooled; less than a pixel where the images are too small. */
  readonly features: Extent;
}

const isConvolution = (part: ConvNorm | Scale): part is ConvNorm => "conv" in part;

/** What has weights before `fc`, in the order of the forward pass, shortcuts after their branch. */
export const weighted = ({ stages }: ConvNetLayout): (ConvNorm | Scale)[] =>
  stages.flatMap((stage) => {
    if (stage.kind === "conv") return [stage.conv];
    return stage.kind === "block" ? [...stage.branch, ...(stage.shortcut ? [stage.shortcut] : [])] : [];
  });

export const convolutions = (layout: ConvNetLayout): ConvNorm[] => weighted(layout).filter(isConvolution);

/** What of a convolution does not follow from what it reads. */
export interface ConvShape {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly bias?: boolean;
}

/** A convolution of what lies at `from`, and its norm. */
export const convNorm = (
  from: Extent,
  conv: string,
  norm: string,
  { stride = 1, bias = false, ...shape }: ConvShape,
): ConvNorm => ({
  ...{ conv, norm, ...shape, stride, bias },
  inputs: from.channels,
  padding: (shape.kernel - 1) / 2,
  size: Math.ceil(from.size / stride),
});

/** Convolutions `conv1`, `conv2`, ... of a block, each reading the one before. */
export function branchOf(from: Extent, name: string, shapes: readonly ConvShape[]): ConvNorm[] {
  const branch: ConvNorm[] = [];
  for (const [index, shape] of shapes.entries()) {
    const number = index + 1;
    branch.push(convNorm(branch.at(-1) ?? from, `${name}.conv${number}`, `${name}.bn${number}`, shape));
  }
  return branch;
}
