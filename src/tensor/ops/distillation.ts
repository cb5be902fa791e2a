/** What a student learns from a teacher's logits. */
import { ShapeError } from "../../errors.js";
import { argmax as argmaxKernel } from "../../kernels/argmax.js";
import { klDivergenceGrad, klDivergence as klDivergenceKernel } from "../../kernels/kl-divergence.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

/**
 * T^2 KL(softmax(teacher / T) || softmax(logits / T)) of each row. logits, teacher: [rows, classes]; result: [rows]. The teacher gets no gradient.
 * @throws ShapeError
 */
export const klDivergence = defineOp({
  name: "klDivergence",
  forward(gpu, { logits, teacher }: { logits: Tensor; teacher: Tensor }, { temperature }: { temperature: number }) {
    const [rows, classes] = logits.shape;
    if (logits.shape.length !== 2 || teacher.shape.join() !== logits.shape.join()) {
      throw new ShapeError(
        `klDivergence: expected logits of student and teacher [rows, classes], got [${logits.shape}] and [${teacher.shape}]`,
      );
    }
    const out = Tensor.empty(gpu, [rows]);
    klDivergenceKernel(gpu, { logits, teacher, loss: out }, { rows, classes, temperature });
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { logits, teacher }, attributes: { temperature }, gradient }) {
    const [rows, classes] = logits.shape;
    const dLogits = Tensor.empty(gpu, logits.shape);
    klDivergenceGrad(gpu, { logits, teacher, dLoss: gradient, dLogits }, { rows, classes, temperature });
    return { logits: dLogits };
  },
});

/** The column of each row's largest value, the lowest of equal ones. x: [rows, columns]; result: u32 [rows]. @throws ShapeError */
export function argmax(x: Tensor): Tensor {
  const [rows, columns] = x.shape;
  if (x.shape.length !== 2) throw new ShapeError(`argmax: expected [rows, columns], got [${x.shape}]`);
  const y = Tensor.empty(x.gpu, [rows], "u32");
  argmaxKernel(x.gpu, { x, y }, { rows, columns });
  return y;
}
