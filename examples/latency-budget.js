// @ts-check
/**
 * Neurons pruned until those that are left take half of the time that all of them take on this device. Prints the milliseconds of a neuron of each
 * layer, the accuracy before and after, and the part of the time that was asked for, that the costs promise, and that a dense model of these widths takes.
 */
import { criterionByName, Gpu, prune, Tensor, Trainer, withoutHistory } from "secateur";
import { accuracy, freshMlp, openMnist } from "./digits.js";

const gpu = await Gpu.create();
/** Enough work for the device to be what is measured. */
const BATCH = gpu.info.software ? 256 : 8192;

/**
 * Milliseconds that MLPs of these widths take for a batch: the least within three seconds, in turns, as other programs only ever add to it.
 * @param {number[][]} widths
 */
async function milliseconds(...widths) {
  const passes = widths.map((hidden) => {
    const model = freshMlp(gpu, hidden);
    const images = Tensor.zeros(gpu, [BATCH, ...model.sampleShape]);
    return gpu.record(() => withoutHistory(() => model.forward(images)));
  });
  for (const pass of passes) pass.replay();
  await gpu.sync(); // kernels are compiled before the time begins
  const least = passes.map(() => Number.POSITIVE_INFINITY);
  const end = performance.now() + 3000;
  while (performance.now() < end) {
    for (const [index, pass] of passes.entries()) {
      const start = performance.now();
      pass.replay();
      await gpu.sync();
      least[index] = Math.min(least[index], performance.now() - start);
    }
  }
  return least;
}

// What half of a layer's neurons take is the difference that it makes to be without them.
const hidden = [400, 200];
const [whole, ...without] = await milliseconds(hidden, ...hidden.map((width, layer) => hidden.with(layer, width / 2)));
const costs = without.map((time, layer) => Math.max(1e-6, (whole - time) / (hidden[layer] / 2)));
const neurons = hidden.reduce((sum, width, layer) => sum + width * costs[layer], 0);
console.log(`a batch: ${whole.toFixed(2)} ms; a neuron: ${costs.map((cost) => cost.toFixed(4)).join(" and ")} ms`);

const model = freshMlp(gpu, hidden);
const { train, calibration, test } = await openMnist(model.config);
await new Trainer(model, train, { epochs: 0.15, batchSize: 64, learningRate: 2e-3 }).run();
console.log(`dense: ${await accuracy(model, test)}`);

const { kept } = await prune(model, {
  saliency: criterionByName("vbp"),
  granularity: "neuron",
  multipleOf: 16, // widths that kernels like
  amount: { budget: { cost: ({ units }) => costs[hidden.indexOf(units)], keep: neurons / 2 } },
  calibration,
});
const left = Array.from(kept.values(), (bits) => bits.filter((bit) => bit === 1).length);
console.log(`pruned: ${await accuracy(model, test)} with ${left.join(" and ")} of ${hidden.join(" and ")} neurons`);

const expected = left.reduce((sum, width, layer) => sum - (hidden[layer] - width) * costs[layer], whole);
const [dense, cut] = await milliseconds(hidden, left);
const parts = [1 - neurons / 2 / whole, expected / whole, cut / dense].map((part) => `${Math.round(100 * part)}%`);
console.log(`time of the dense model: asked for ${parts[0]}, expected ${parts[1]}, measured ${parts[2]}`);
gpu.destroy();
