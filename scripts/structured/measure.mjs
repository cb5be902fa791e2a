/** Measures a cell: removes units of DeiT-tiny, cuts them out, reads the evaluation images with what is left, trains it and reads them again. */
import { EXAMPLES_PER_CLASS, FINETUNING, SEARCH, SEARCH_INTERVAL, UNITS } from "./settings.mjs";

const EVALUATION_BATCH = 16;

export async function openBench(library, gpu, { model: path, data }) {
  const { config, weights } = await library.loadModel(path);
  const all = await library.openDataset(data, config);
  const chosen = library.firstOfEachClass(all.labels, EXAMPLES_PER_CLASS);
  const others = Int32Array.from({ length: all.length }, (_, index) => index).filter(
    (index) => !chosen.includes(index),
  );
  const model = library.createModel(gpu, config, weights);
  const blocks = [...weights].filter(([name]) => name.startsWith("blocks."));
  return {
    gpu,
    weights,
    model,
    blockParameters: blocks.reduce((sum, [, { data: values }]) => sum + values.length, 0),
    calibration: library.subset(all, chosen),
    evaluation: library.subset(all, others),
    /** Sums of gate Taylor by units: one pass over the images for all sparsities. */
    statistics: new Map(),
  };
}

/** Top-1 among all classes, and among those of the images. */
async function accuracy(library, model, { evaluation }) {
  const classes = [...new Set(evaluation.labels)];
  let among = 0;
  let done = 0;
  const onLogits = (logits, count) => {
    const width = logits.length / count;
    for (let i = 0; i < count; i++) {
      const of = (label) => logits[i * width + label];
      if (classes.reduce((best, label) => (of(label) > of(best) ? label : best)) === evaluation.labels[done + i])
        among++;
    }
    done += count;
  };
  const { top1 } = await library.evaluate(model, evaluation, { batchSize: EVALUATION_BATCH, onLogits });
  return { top1, amongTen: among / done };
}

export async function measureDense(library, bench) {
  const { model } = bench;
  return {
    ...(await accuracy(library, model, bench)),
    parameters: model.parameters.count,
    blocks: bench.blockParameters,
  };
}

export async function measureCell(library, bench, cell) {
  const { gpu, model, weights, blockParameters } = bench;
  library.clearMasks(model);
  library.rewind(model, weights);
  if (cell.method === "upop") await search(library, bench, cell);
  else await score(library, bench, cell);
  const cut = await library.compact(model);
  const small = library.createModel(gpu, cut.config, cut.weights);
  const removed = model.parameters.count - small.parameters.count;
  const pruned = await accuracy(library, small, bench);
  const trainer = new library.Trainer(small, bench.calibration, FINETUNING);
  await trainer.run();
  trainer.release();
  const finetuned = await accuracy(library, small, bench);
  small.release();
  return { parameters: model.parameters.count - removed, ofBlocks: removed / blockParameters, pruned, finetuned };
}

async function search(library, { model, calibration }, { sparsity }) {
  const method = library.upop({ interval: SEARCH_INTERVAL });
  await library.runSearch(model, method, { data: calibration, options: SEARCH, sparsity });
}

/** Removes the units that score lowest until the others cost no more than what is to stay. */
async function score(library, { model, calibration, blockParameters, statistics }, { units, method, sparsity }) {
  const { kinds } = UNITS[units];
  const { groups } = library.unitSpace(model, kinds);
  const total = groups.reduce((sum, group) => sum + group.units * group.cost.parameters, 0);
  const saliency = method === "random" ? library.criterionByName("random") : library.gateTaylor;
  const known = statistics.get(units);
  const pruner = new library.Pruner(model, {
    saliency,
    granularity: kinds,
    amount: { budget: { cost: "parameters", keep: total - sparsity * blockParameters } },
    seed: 1,
    ...(method === "random" ? {} : known ? { statistics: known } : { calibration, batchSize: 10 }),
  });
  await pruner.run();
  if (method !== "random" && !known) statistics.set(units, await pruner.scorer.statistics.read());
  pruner.release();
}
