/** Options that say how to train, which every command that trains has. */
import type { Command } from "commander";
import { DISTILLATION_DEFAULTS } from "../../train/distillation.js";
import { choiceOption, numberOption } from "../options.js";
import { MODEL } from "./help.js";

/** Defaults that depend on what a training starts from. */
export interface TrainingDefaults {
  readonly epochs: number;
  readonly lr: number;
  readonly warmup: number;
  readonly labelSmoothing: number;
}

/** Of fresh weights, and of a trained model that is to be mended. */
export const FRESH: TrainingDefaults = { epochs: 10, lr: 1e-3, warmup: 0.05, labelSmoothing: 0.1 };
export const MENDED: TrainingDefaults = { epochs: 1, lr: 1e-4, warmup: 0.1, labelSmoothing: 0 };

export const TRAINING_BATCH = 64;

const positive = (name: string) => numberOption(name, { above: 0 });
const notNegative = (name: string) => numberOption(name, { min: 0 });

export const withAugmentation = (command: Command): Command =>
  command
    .option(
      "--crop-padding <pixels>",
      "pad, then crop at random",
      numberOption("crop-padding", { min: 0, max: 1024, integer: true }),
      0,
    )
    .option("--flip", "mirror half of the images");

export const withOptimizer = (command: Command, defaults: TrainingDefaults): Command =>
  command
    .option("--epochs <n>", "passes over the data; may be a fraction", positive("epochs"), defaults.epochs)
    .option("--lr <rate>", "highest learning rate", positive("lr"), defaults.lr)
    .option("--min-lr <rate>", "learning rate at the end (default: a hundredth of --lr)", notNegative("min-lr"))
    .option("--warmup <part>", "part of all steps", numberOption("warmup", { min: 0, max: 1 }), defaults.warmup)
    .option("--weight-decay <rate>", "decoupled decay of matrices", notNegative("weight-decay"), 0.05)
    .option(
      "--label-smoothing <part>",
      "spread over all classes",
      numberOption("label-smoothing", { min: 0, max: 1 }),
      defaults.labelSmoothing,
    )
    .option("--clip <norm>", "largest norm of all gradients; 0 for none", notNegative("clip"), 1);

export const withTeacher = (command: Command): Command =>
  command
    .optionsGroup("Distillation:")
    .option("--teacher <model>", `learn from this model too, such as the dense one: ${MODEL}`)
    .option(
      "--distill <kind>",
      "soft: the teacher's probabilities; hard: the class that it takes (default: soft)",
      choiceOption("distill", ["soft", "hard"]),
    )
    .option(
      "--distill-weight <part>",
      `the teacher's part of the objective (default: ${DISTILLATION_DEFAULTS.weight})`,
      numberOption("distill-weight", { min: 0, max: 1 }),
    )
    .option(
      "--temperature <t>",
      `what logits are divided by for soft (default: ${DISTILLATION_DEFAULTS.temperature})`,
      positive("temperature"),
    );
