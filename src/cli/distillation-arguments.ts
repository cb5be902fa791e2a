/** Who teaches in `secateur finetune`, and how. */
import { UsageError } from "../errors.js";
import type { Checkpoint } from "../io/checkpoint.js";
import { DISTILLATION_DEFAULTS, type DistillationKind, type DistillationOptions } from "../train/index.js";
import { loadWithWeights } from "./model.js";
import { digest, type RunSettings } from "./training-state.js";

export interface DistillationArguments {
  /** Path of the teacher's model. */
  readonly teacher?: string;
  readonly distill?: DistillationKind;
  readonly distillWeight?: number;
  readonly temperature?: number;
}

/** A teacher that is read and not on the device yet. */
export interface Teaching extends Required<Omit<DistillationOptions, "teacher">> {
  readonly checkpoint: Checkpoint;
}

/** @throws UsageError for options that do not fit each other. */
export function checkTeaching({ teacher, distill, distillWeight, temperature }: DistillationArguments): void {
  if (teacher === undefined && [distill, distillWeight, temperature].some((value) => value !== undefined)) {
    throw new UsageError("distill: expected --teacher <model> to learn from, got none; name one");
  }
  if (distill === "hard" && temperature !== undefined) {
    throw new UsageError(
      `temperature: expected none for --distill hard, which has no use for it, got ${temperature}; leave it out`,
    );
  }
}

/** Undefined where nobody teaches. */
export async function openTeaching(options: DistillationArguments): Promise<Teaching | undefined> {
  const { teacher, distill: kind = "soft", distillWeight, temperature } = options;
  if (teacher === undefined) return undefined;
  const checkpoint = await loadWithWeights(teacher);
  const { weight, temperature: usual } = DISTILLATION_DEFAULTS;
  return { checkpoint, kind, weight: distillWeight ?? weight, temperature: temperature ?? usual };
}

/** What a resumed run must agree in. */
export const teachingSettings = (teaching: Teaching | undefined): RunSettings => ({
  teacher: teaching ? digest(...Array.from(teaching.checkpoint.weights.values(), ({ data }) => data)) : null,
  distill: teaching?.kind ?? null,
  distillWeight: teaching?.weight ?? null,
  temperature: teaching?.kind === "soft" ? teaching.temperature : null,
});
