/** Knowledge distillation: a student that learns from a teacher's logits beside the labels. */
import { UsageError } from "../errors.js";
import { inputSpec } from "../io/config.js";
import type { Model } from "../nn/model.js";
import { argmax, crossEntropy, klDivergence, map, mean, type Tensor, withoutHistory } from "../tensor/index.js";
import type { Objective } from "./training-step.js";

/** Soft: the teacher's probabilities (Hinton, Vinyals and Dean 2015). Hard: the class that it takes (Touvron et al. 2021). */
export type DistillationKind = "soft" | "hard";

/** Who teaches, and how much of the objective that is. */
export interface DistillationOptions {
  /** Stays as it is, and must live as long as the training. */
  readonly teacher: Model;
  readonly kind: DistillationKind;
  /** The teacher's part w in (1 - w) * labels + w * teacher. Default 0.5. */
  readonly weight?: number;
  /** What logits are divided by in soft distillation. Default 3, as in DeiT. */
  readonly temperature?: number;
}

/** Used where a run names none. */
export const DISTILLATION_DEFAULTS = { weight: 0.5, temperature: 3 } as const;

/**
 * The objective (1 - w) * cross entropy with the labels + w * D, means over the batch. D is T^2 KL(teacher || student) of softmaxes of logits / T for
 * soft, the cross entropy with the teacher's class for hard distillation. The second head of a distilled model learns D and the first the labels, as in
 * DeiT; the one head of other models learns both, and classifiers behind some blocks the labels. The teacher sees the same images in inference, in the same recorded step.
 *
 * @throws UsageError for a weight outside of [0, 1], a temperature that is not positive, or a teacher of other classes or inputs.
 */
export function distillation(student: Model, options: DistillationOptions): Objective {
  const { teacher, kind, weight, temperature } = { ...DISTILLATION_DEFAULTS, ...options };
  checkDistillation(weight, temperature);
  checkTeacher(student, teacher);
  const learnt = (logits: Tensor, taught: Tensor) =>
    kind === "soft"
      ? klDivergence({ logits, teacher: taught }, { temperature })
      : crossEntropy({ logits, labels: argmax(taught) }, { smoothing: 0 });
  const parts = { labels: `${1 - weight}`, taught: `${weight}` };
  return (step) => {
    const { logits, distillation = logits } = step.output;
    const taught = withoutHistory(() => teacher.forward(step.images).logits);
    const losses = { labels: step.classLoss(), taught: mean(learnt(distillation, taught)) };
    return map(`${parts.labels} * labels + ${parts.taught} * taught`, losses, parts);
  };
}

function checkDistillation(weight: number, temperature: number): void {
  if (!(weight >= 0 && weight <= 1)) {
    throw new UsageError(`distillation: expected a weight from 0 to 1, got ${weight}; correct it`);
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`distillation: expected a temperature above 0, got ${temperature}; correct it`);
  }
}

/** Also preprocessing must agree: the teacher sees the student's images as they are. */
function checkTeacher(student: Model, teacher: Model): void {
  const [wanted, got] = [inputSpec(student.config), inputSpec(teacher.config)];
  const describe = ({ sampleShape, numClasses, preprocess }: typeof wanted) =>
    `[${sampleShape}] to ${numClasses} classes, mean ${preprocess.mean}, std ${preprocess.std}`;
  if (describe(wanted) === describe(got)) return;
  throw new UsageError(
    `teacher: expected ${describe(wanted)} as the student, got ${describe(got)}; use a teacher of the same data`,
  );
}
