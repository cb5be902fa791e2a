// @ts-check
/**
 * Gradual movement pruning inside of a training loop of one's own: forward, backward and AdamW on batches of the host's choice. Prints loss and accuracy
 * of LeNet-300-100 each time that weights go, down to a tenth of them, and at the end.
 */
import { backward, criterionByName, Gpu, Pruner, Tensor } from "secateur";
import { crossEntropy, mean } from "secateur/tensor";
import { ADAMW_DEFAULTS, AdamW } from "secateur/train";
import { accuracy, freshMlp, openMnist } from "./digits.js";

const [STEPS, BATCH] = [560, 64];
const gpu = await Gpu.create();
const model = freshMlp(gpu, [300, 100]);
const { train, test } = await openMnist(model.config);
const optimizer = new AdamW(gpu, model.parameters, ADAMW_DEFAULTS);
const pruner = new Pruner(model, {
  saliency: criterionByName("movement"),
  sparsity: 0.9,
  rounds: 8,
  schedule: "linear",
});
const images = Tensor.zeros(gpu, [BATCH, ...train.sampleShape]);
const labels = Tensor.zeros(gpu, [BATCH], "u32");

/** A training step, recorded once and replayed for each batch. */
const recordStep = () =>
  gpu.record(() => {
    const { logits } = model.forward(images);
    const loss = mean(crossEntropy({ logits, labels }, { smoothing: 0 }));
    const gradients = backward(loss);
    pruner.observe(gradients); // adds -g w to the movement of each weight
    optimizer.update(gradients);
    return loss;
  });

let training = recordStep();
for (let step = 0; step < STEPS; step++) {
  const indices = Array.from({ length: BATCH }, (_, row) => step * BATCH + row);
  images.write(await train.read(indices));
  labels.write(Uint32Array.from(indices, (index) => train.labels[index]));
  optimizer.prepare(step, 1e-3);
  training.replay();
  if (step % 50 === 49 && step >= 99 && !pruner.done) {
    const [loss] = await training.result.read();
    const { kept } = await pruner.step();
    console.log(`step ${step + 1}: loss ${loss.toFixed(3)}, ${kept} weights left, ${await accuracy(model, test)}`);
    // The first masks change the forward pass; later ones only change bits in them.
    if (pruner.round === 1) training = recordStep();
  }
}
console.log(`pruned: ${await accuracy(model, test)}`);
gpu.destroy();
