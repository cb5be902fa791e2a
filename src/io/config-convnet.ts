import type { ConvNetConfig } from "./config.js";
import type { ConfigReader } from "./config-reader.js";
import { readPreprocess } from "./config-vit.js";
import { convNetLayout } from "./convnet-networks.js";
import { MAX_PARAMETERS, parameterCount } from "./parameters.js";

/** Options of timm's ResNet that change its arithmetic, with the values that leave it as it is here. */
const neutralOptions = {
  act_layer: ["relu"],
  aa_layer: [],
  attn_layer: [],
  avg_down: [false],
  base_width: [64],
  block_args: [],
  cardinality: [1],
  drop_block_rate: [0],
  drop_path_rate: [0],
  drop_rate: [0],
  global_pool: ["avg"],
  norm_layer: ["batchnorm2d", "batchnorm"],
  output_stride: [32],
  replace_stem_pool: [false],
  stem_type: [""],
  stem_width: [64],
} as const;

/** Sizes, classes and cropping that an architecture is published with. */
const published: Readonly<
  Record<ConvNetConfig["architecture"], readonly [size: number, classes: number, crop: number]>
> = {
  resnet20: [32, 10, 1],
  vgg16_bn: [32, 10, 1],
  resnet18: [224, 1000, 0.875],
  resnet50: [224, 1000, 0.875],
};

export const isConvNet = (architecture: string): architecture is ConvNetConfig["architecture"] =>
  Object.hasOwn(published, architecture);

/** Reads and checks a convolutional network. */
export function readConvNet(reader: ConfigReader, architecture: ConvNetConfig["architecture"]): ConvNetConfig {
  reader.refuseOptions(neutralOptions);
  const [size, classes, crop] = published[architecture];
  const inChannels = reader.count("in_chans", 3);
  const config: ConvNetConfig = {
    architecture,
    imageSize: reader.squareSize("img_size", size),
    inChannels,
    numClasses: reader.count("num_classes", classes),
    preprocess: readPreprocess(reader, inChannels, "imagenet", crop),
  };
  if (convNetLayout(config).features.size < 1) reader.fail("img_size", "large enough for the network's strides");
  const parameters = parameterCount(config);
  if (parameters > MAX_PARAMETERS) {
    reader.fail("num_classes", `part of a model of at most ${MAX_PARAMETERS} parameters`, `this one has ${parameters}`);
  }
  return config;
}
