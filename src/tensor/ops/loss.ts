import { ShapeError } from "../../errors.js";
import { crossEntropyGrad, crossEntropy as crossEntropyKernel } from "../../kernels/cross-entropy.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

/**
 * Cross entropy of each row with label smoothing s: (1 - s) * nll + s * mean over classes of -log p, as torch and timm compute it.
 * logits: [rows, classes]; labels: u32 [rows], each below `classes`; result: [rows]. @throws ShapeError
 */
export const crossEntropy = defineOp({
  name: "crossEntropy",
  forward(gpu, { logits, labels }: { logits: Tensor; labels: Tensor }, { smoothing }: { smoothing: number }) {
    const [rows, classes] = logits.shape;
    if (logits.shape.length !== 2 || labels.size !== rows || labels.type !== "u32") {
      throw new ShapeError(
        `crossEntropy: expected logits [rows, classes] and u32 labels [rows], got [${logits.shape}] and ${labels.type} [${labels.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [rows]);
    crossEntropyKernel(gpu, { logits, labels, loss: out }, { rows, classes, smoothing });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { logits, labels }, attributes: { smoothing }, gradient }) {
    const [rows, classes] = logits.shape;
    const dLogits = Tensor.empty(gpu, logits.shape);
    crossEntropyGrad(gpu, { logits, labels, dLoss: gradient, dLogits }, { rows, classes, smoothing });
    return { logits: dLogits };
  },
});
