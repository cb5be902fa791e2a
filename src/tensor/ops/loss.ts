import { ShapeError } from "../../errors.js";
import { crossEntropyGrad, crossEntropy as crossEntropyKernel } from "../../kernels/cross-entropy.js";
import { gate, gateGradient } from "../../kernels/gate.js";
import { softmax, softmaxGrad } from "../../kernels/softmax.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";
import { onesLike } from "../terms.js";

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
  tangent: {
    forward({ gpu, inputs: { logits, labels }, attributes: { smoothing }, out, tangents }) {
      using scope = gpu.scope();
      const [rows, classes] = logits.shape;
      const slopes = Tensor.empty(gpu, logits.shape);
      crossEntropyGrad(gpu, { logits, labels, dLoss: onesLike(out), dLogits: slopes }, { rows, classes, smoothing });
      const outTangent = scope.promote(Tensor.empty(gpu, out.shape));
      gateGradient(gpu, { x: slopes, dy: tangents.logits!, dg: outTangent }, byRow(rows, classes));
      return { out: outTangent, saved: undefined };
    },
    /** dLogits = gradient * (p - target), where only the probabilities p move. */
    backward({ gpu, inputs: { logits }, tangents, gradient }) {
      using scope = gpu.scope();
      const [rows, classes] = logits.shape;
      const p = Tensor.empty(gpu, logits.shape);
      softmax(gpu, { x: logits, y: p }, { rows, columns: classes });
      const pTangent = Tensor.empty(gpu, logits.shape);
      softmaxGrad(gpu, { y: p, dy: tangents.logits!, dx: pTangent }, { rows, columns: classes });
      const dLogits = scope.promote(Tensor.empty(gpu, logits.shape));
      gate(gpu, { x: pTangent, g: gradient, y: dLogits }, byRow(rows, classes));
      return { logits: dLogits };
    },
  },
});

/** Row r of [rows, classes] as unit r. */
const byRow = (rows: number, classes: number) => ({ length: rows * classes, inner: classes, period: rows });
