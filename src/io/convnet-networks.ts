/** The stages of each convolutional network. */
import type { ConvNetConfig } from "./config.js";
import { branchOf, type ConvNetLayout, type ConvShape, convNorm, type Extent, type Stage } from "./convnet-layout.js";

type Input = Pick<ConvNetConfig, "inChannels" | "imageSize">;

const imageExtent = ({ inChannels, imageSize }: Input): Extent => ({ channels: inChannels, size: imageSize });

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
    from = branch[branch.length - 1];
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
      const wide: ConvShape = { channels: width, kernel: 3, stride };
      const shapes: ConvShape[] = bottleneck
        ? [{ channels: width, kernel: 1 }, wide, { channels, kernel: 1 }]
        : [wide, { channels, kernel: 3 }];
      const shortcut =
        stride === 1 && channels === from.channels
          ? undefined
          : convNorm(from, `${name}.downsample.0`, `${name}.downsample.1`, { channels, kernel: 1, stride });
      const branch = branchOf(from, name, shapes);
      stages.push({ kind: "block", name, branch, shortcut });
      from = branch[branch.length - 1];
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
