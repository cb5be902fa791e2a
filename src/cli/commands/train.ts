import type { Command } from "commander";
import { countOption, numberOption, seedOption } from "../options.js";
import type { Run } from "../program.js";
import { DATA, example, MODEL, MODEL_OR_CONFIG, requireOptions } from "./help.js";
import {
  FRESH,
  MENDED,
  TRAINING_BATCH,
  type TrainingDefaults,
  withAugmentation,
  withOptimizer,
  withTeacher,
} from "./training-options.js";

function withLoopOptions(command: Command, defaults: TrainingDefaults): Command {
  command
    .optionsGroup("Data:")
    .option("--data <data>", `images to train on: ${DATA}`)
    .option("--test <data>", "images to measure accuracy on after each epoch")
    .option("--batch <n>", "images in a step", countOption("batch"), TRAINING_BATCH);
  withAugmentation(command).optionsGroup("Optimizer (AdamW, linear warm-up, cosine):");
  withOptimizer(command, defaults)
    .option("--ema <decay>", "average the weights over steps; the average is measured and saved", numberOption("ema"))
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
    .argument("<model>", MODEL_OR_CONFIG);
  withLoopOptions(train, FRESH)
    .addHelpText("after", example("train digits/config.json --data mnist/ --test mnist/ --epochs 20 --out digits"))
    .action(run(async () => (await import("../actions/train.js")).trainModel));

  const finetune = program
    .command("finetune")
    .summary("train a pruned model, masks held")
    .description(
      "Trains the weights that masks keep; removed weights stay zero. With --teacher it learns from another model too, such as the dense one.",
    )
    .argument("<model>", MODEL)
    .option("--masks <file>", "hold these masks (without: all weights are trained)");
  withTeacher(withLoopOptions(finetune, MENDED))
    .addHelpText("after", example("finetune pruned --masks pruned/masks.safetensors --data train/ --out mended"))
    .action(run(async () => (await import("../actions/train.js")).finetuneModel));
}
