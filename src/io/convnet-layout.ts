/**
 * Convolutional networks as data: parameters, prunable layers, initial weights, FLOPs and the forward pass all follow from one list of stages.
 */
import type { ConvNetConfig } from "./config.js";

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

type Input = Pick<ConvNetConfig, "inChannels" | "imageSize">;

const imageExtent = ({ inChannels, imageSize }: Input): Extent => ({ channels: inChannels, size: imageSize });

interface Shape {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly bias?: boolean;
}

const convNorm = (
  from: Extent,
  conv: string,
  norm: string,
  { stride = 1, bias = false, ...shape }: Shape,
): ConvNorm => ({
  ...{ conv, norm, ...shape, stride, bias },
  inputs: from.channels,
  padding: (shape.kernel - 1) / 2,
  size: Math.ceil(from.size / stride),
});

/** Convolutions `conv1`, `conv2`, ... of a block, each reading the one before. */
function branchOf(from: Extent, name: string, shapes: readonly Shape[]): ConvNorm[] {
  const branch: ConvNorm[] = [];
  for (const [index, shape] of shapes.entries()) {
    const number = index + 1;
    branch.push(convNorm(branch.at(-1) ?? from, `${name}.conv${number}`, `${name}.bn${number}`, shape));
  }
  return branch;
}

/** ResNet-20 for small images (He et al. 2016) in the names and with the weighted identities of the PX authors' code. */
function resnet20(input: Input): ConvNetLayout {
  const stem = convNorm(imageExtent(input), "conv", "bn", { channels: 16, kernel: 3 });
  const stages: Stage[] = [{ kind: "conv", conv: stem, residual: true }];
  let from: Extent = stem;
  for (let block = 0; block < 9; block++) {
    const channels = 16 << Math.floor(block / 3);
    const name = `blocks.${block}`;
    const stride = channels === from.channels ? 1 : 2;
    const shortcut =
      stride === 1
        ? { scale: `${name}.shortcut`, channels }
        : convNorm(from, `${name}.shortcut.0`, `${name}.shortcut.1`, { channels, kernel: 1, stride });
    const branch = branchOf(from, name, [
      { channels, kernel: 3, stride },
      { channels, kernel: 3 },
    ]);
    stages.push({ kind: "block", name, branch, shortcut });
    [from] = branch.slice(-1);
  }
  return { stages, features: from };
}

const VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512] as const;

/** VGG-16 with batch norm for small images, in the names of the PX authors' code: pools take a number among the layers. */
function vgg16(input: Input): ConvNetLayout {
  const stages: Stage[] = [];
  let from = imageExtent(input);
  for (const [index, entry] of VGG16.entries()) {
    if (entry === "M") {
      stages.push({ kind: "maxPool", window: [2, 2], stride: 2, padding: 0 });
      from = { ...from, size: Math.floor(from.size / 2) };
    } else {
      const shape = { channels: entry, kernel: 3, bias: true };
      const conv = convNorm(from, `layers.${index}.conv`, `layers.${index}.bn`, shape);
      stages.push({ kind: "conv", conv, residual: false });
      from = conv;
    }
  }
  return { stages, features: from };
}

/** ResNets for large images in torchvision's names; bottlenecks stride in their 3 x 3 convolution, as its "v1.5" does. */
function imagenetResNet(input: Input, depths: readonly number[], bottleneck: boolean): ConvNetLayout {
  const stem = convNorm(imageExtent(input), "conv1", "bn1", { channels: 64, kernel: 7, stride: 2 });
  const stages: Stage[] = [
    { kind: "conv", conv: stem, residual: true },
    { kind: "maxPool", window: [3, 3], stride: 2, padding: 1 },
  ];
  let from: Extent = { channels: 64, size: Math.ceil(stem.size / 2) };
  for (const [segment, depth] of depths.entries()) {
    const width = 64 << segment;
    const channels = bottleneck ? 4 * width : width;
    for (let block = 0; block < depth; block++) {
      const name = `layer${segment + 1}.${block}`;
      const stride = segment > 0 && block === 0 ? 2 : 1;
      const wide: Shape = { channels: width, kernel: 3, stride };
      const shapes: Shape[] = bottleneck
        ? [{ channels: width, kernel: 1 }, wide, { channels, kernel: 1 }]
        : [wide, { channels, kernel: 3 }];
      const shortcut =
        stride === 1 && channels === from.channels
          ? undefined
          : convNorm(from, `${name}.downsample.0`, `${name}.downsample.1`, { channels, kernel: 1, stride });
      const branch = branchOf(from, name, shapes);
      stages.push({ kind: "block", name, branch, shortcut });
      [from] = branch.slice(-1);
    }
  }
  return { stages, features: from };
}

const LAYOUTS: Readonly<Record<ConvNetConfig["architecture"], (input: Input) => ConvNetLayout>> = {
  resnet20,
  vgg16_bn: vgg16,
  resnet18: (input) => imagenetResNet(input, [2, 2, 2, 2], false),
  resnet50: (input) => imagenetResNet(input, [3, 4, 6, 3], true),
};

export const convNetLayout = (config: Pick<ConvNetConfig, "architecture"> & Input): ConvNetLayout =>
  LAYOUTS[config.architecture](config);

const isConvolution = (part: ConvNorm | Scale): part is ConvNorm => "conv" in part;

/** What has weights before `fc`, in the order of the forward pass, shortcuts after their branch. */
export const weighted = ({ stages }: ConvNetLayout): (ConvNorm | Scale)[] =>
  stages.flatMap((stage) => {
    if (stage.kind === "conv") return [stage.conv];
    return stage.kind === "block" ? [...stage.branch, ...(stage.shortcut ? [stage.shortcut] : [])] : [];
  });

export const convolutions = (layout: ConvNetLayout): ConvNorm[] => weighted(layout).filter(isConvolution);
