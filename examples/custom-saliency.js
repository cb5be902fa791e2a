// @ts-check
/**
 * Criteria of your own, beside shipped ones. Prints for each what accuracy the digits model keeps when it loses 70% of the weights of each layer.
 */
import { clearMasks, createModel, criterionByName, defineSaliency, Gpu, map, prune, sum } from "secateur";
import { gradientTotal } from "secateur/prune";
import { accuracy, loadDigits, openMnist } from "./digits.js";

/** Relative importance and activations (Zhang et al., ICLR 2024): a weight's part of its row and of its column, times the root of its input's norm. */
const ria = defineSaliency({
  name: "ria",
  needs: ["weight", "inputNorm"],
  score: ({ weight, inputNorm }) => {
    const a = map("abs(w)", { w: weight });
    return map("(a / row + a / column) * sqrt(n)", { a, row: sum(a, "row"), column: sum(a, "column"), n: inputNorm });
  },
});

/** With a statistic of its own: an expression over gradient and weight, summed over the batches of calibration. */
const rootTaylor = defineSaliency({
  name: "root-taylor",
  sources: { roots: gradientTotal("sqrt(abs(g * w))") },
  needs: ["roots"],
  score: ({ roots }) => roots,
});

const gpu = await Gpu.create();
const { config, weights } = await loadDigits();
const { calibration, test } = await openMnist(config);
const model = createModel(gpu, config, weights);

console.log(`dense: ${await accuracy(model, test)}`);
for (const saliency of [...["random", "taylor", "wanda"].map(criterionByName), ria, rootTaylor]) {
  const { report } = await prune(model, { saliency, scope: "layer", sparsity: 0.7, calibration });
  console.log(
    `${report.saliency}: ${await accuracy(model, test)} with ${report.units.kept} of ${report.units.total} weights`,
  );
  clearMasks(model);
}
gpu.destroy();
