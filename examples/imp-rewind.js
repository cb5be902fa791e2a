// @ts-check
/**
 * Iterative magnitude pruning with late rewind (Frankle et al., ICML 2020): prune what training left small, take the other weights back to an early step,
 * train again. Prints the accuracy of LeNet-300-100 by round, and beside it that of finetuning the dense net's last weights at its last learning rate.
 */
import { criterionByName, Gpu, Pruner } from "secateur";
import { accuracy, freshMlp, openMnist } from "./digits.js";

const gpu = await Gpu.create();

/**
 * @param {"rewind" | "finetune"} how
 * @param {"early" | "end"} start - the weights that each round's training starts from
 * @param {number} learningRate - of that training
 */
async function pruneInRounds(how, start, learningRate) {
  const model = freshMlp(gpu, [300, 100]);
  const { train: images, test } = await openMnist(model.config);
  const report = async (/** @type {number} */ density) =>
    console.log(`${how}, ${Math.round(100 * density)}% of the weights: ${await accuracy(model, test)}`);
  const training = (/** @type {number} */ steps, peak = 2e-3) => ({
    epochs: (64 * steps) / images.length,
    batchSize: 64,
    learningRate: peak,
  });

  const pruner = new Pruner(model, {
    saliency: criterionByName("magnitude"),
    scope: "layer",
    sparsity: 0.97,
    rounds: 3,
    prepare: async ({ train, keepWeights }) => {
      await train(images, training(20));
      keepWeights("early");
      await train(images, training(100));
      keepWeights("end");
      await report(1);
    },
    finetune: async ({ train, rewind }) => {
      rewind(start); // the masks stay
      await train(images, training(100, learningRate));
    },
    on: { roundCompleted: ({ density }) => report(density) },
  });
  await pruner.run();
  pruner.release();
  model.release();
}

await pruneInRounds("rewind", "early", 2e-3);
await pruneInRounds("finetune", "end", 2e-5);
gpu.destroy();
