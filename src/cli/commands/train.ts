import type { Command } from "commander";
import { countOption, numberOption, seedOption } from "../options.js";
import type { Run } from "../program.js";
import { DATA, example, MODEL, requireOptions } from "./help.js";

const positive = (name: string) => numberOption(name, { above: 0 });
const notNegative = (name: string) => numberOption(name, { min: 0 });

/** Defaults of a run from fresh weights, and of one that mends a trained model. */
const TRAIN = { epochs: 10, lr: 1e-3, warmup: 0.05, labelSmoothing: 0.1 };
const FINETUNE = { epochs: 1, lr: 1e-4, warmup: 0.1, labelSmoothing: 0 };

function withLoopOptions(command: Command, defaults: typeof TRAIN): Command {
  command
    .optionsGroup("Data:")
    .option("--data <data>", `images to train on: ${DATA}`)
    .option("--test <data>", "images to measure accuracy on after each epoch")
    .option("--batch <n>", "images in a step", countOption("batch"), 64)
    .option(
      "--crop-padding <pixels>",
      "pad, then crop at random",
      numberOption("crop-padding", { min: 0, max: 1024, integer: true }),
      0,
    )
    .option("--flip", "mirror half of the images")
    .optionsGroup("Optimizer (AdamW, linear warm-up, cosine):")
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
    .option("--clip <norm>", "largest norm of all gradients; 0 for none", notNegative("clip"), 1)
    .option("--seed <n>", "seed of fresh weights, order, augmentation and dropout", seedOption, 0)
    .optionsGroup("Output:")
    .option("--out <folder>", "gets model.safetensors, config.json, optimizer.safetensors, trainer.json, log.jsonl")
    .option("--save-every <epochs>", "save after every n epochs and at the end", countOption("save-every"), 1)
    .option("--resume", "go on from what --out holds, to the same end as an uninterrupted run");
  requireOptions(command, "data", "out");
  return command;
}

export function defineTraining(program: Command, run: Run): void {
  const train = program
    .command("train")
    .summary("train a model from fresh or given weights")
    .description(
      "Trains all weights with AdamW. A config.json, or a folder with nothing else, starts from fresh weights.",
    )
    .argument("<model>", `a config.json, or ${MODEL}`);
  withLoopOptions(train, TRAIN)
    .addHelpText("after", example("train digits/config.json --data mnist/ --test mnist/ --epochs 20 --out digits"))
    .action(run(async () => (await import("../actions/train.js")).trainModel));

  const finetune = program
    .command("finetune")
    .summary("train a pruned model, masks held")
    .description("Trains the weights that masks keep; removed weights stay zero.")
    .argument("<model>", MODEL)
    .option("--masks <file>", "hold these masks (without: all weights are trained)");
  withLoopOptions(finetune, FINETUNE)
    .addHelpText("after", example("finetune pruned --masks pruned/masks.safetensors --data train/ --out mended"))
    .action(run(async () => (await import("../actions/train.js")).finetuneModel));
}
