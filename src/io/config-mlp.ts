import type { MlpConfig } from "./config.js";
import type { ConfigReader } from "./config-reader.js";
import { readPreprocess } from "./config-vit.js";
import { MAX_PARAMETERS, parameterCount } from "./parameters.js";

/** LeNet-300-100 of LeCun et al. 1998, the usual MLP of pruning papers, on MNIST. */
export const LENET_300_100 = { inputs: 784, hidden: [300, 100], num_classes: 10 };

/** Each layer costs memory of its own, however narrow it is. */
const MAX_DEPTH = 1024;

/** Reads and checks an MLP. */
export function readMlp(reader: ConfigReader): MlpConfig {
  const hidden = reader.raw("hidden") ?? [];
  const isWidth = (width: unknown) => typeof width === "number" && Number.isSafeInteger(width) && width > 0;
  if (!Array.isArray(hidden) || hidden.length > MAX_DEPTH || !hidden.every(isWidth)) {
    reader.fail("hidden", `a list of at most ${MAX_DEPTH} positive integers`);
  }
  const inputs = reader.count("inputs");
  const inChannels = reader.count("in_chans", 1);
  if (inputs % inChannels) reader.fail("inputs", `a multiple of "in_chans" (${inChannels})`);
  const config: MlpConfig = {
    architecture: "mlp",
    inputs,
    inChannels,
    hidden: [...hidden],
    numClasses: reader.count("num_classes"),
    bias: reader.boolean("bias", true),
    preprocess: readPreprocess(reader, inChannels, 0.5, 1),
  };
  const parameters = parameterCount(config);
  if (parameters > MAX_PARAMETERS) {
    reader.fail("hidden", `part of a model of at most ${MAX_PARAMETERS} parameters`, `this one has ${parameters}`);
  }
  return config;
}
