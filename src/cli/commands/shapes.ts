import type { Command } from "commander";
import { countOption, seedOption, sparsityOption } from "../options.js";
import type { Run } from "../program.js";
import { DATA, example, MODEL, requireOptions } from "./help.js";
import { MENDED, TRAINING_BATCH, withAugmentation, withOptimizer } from "./training-options.js";

export function defineShapes(program: Command, run: Run): void {
  const command = program
    .command("shapes")
    .summary("compare width with depth at the same number of parameters")
    .description(
      "Cuts a ViT to one size in every shape, from all blocks with less of their width to few blocks with all of it, finetunes each, and shows them in one table.",
    )
    .argument("<model>", MODEL)
    .option("--sparsity <part>", "part of the blocks' parameters to remove", sparsityOption)
    .option(
      "--multiple-of <n>",
      "keep a multiple of n neurons in each block, as devices like",
      countOption("multiple-of"),
      1,
    )
    .optionsGroup("Data:")
    .option("--calibration <data>", `images to score blocks, head dimensions and neurons on: ${DATA}`)
    .option(
      "--examples-per-class <n>",
      "score on the first images of each class only",
      countOption("examples-per-class"),
    )
    .option("--train <data>", "images to finetune on (default: none is)")
    .option("--data <data>", "images to measure accuracy on")
    .option("--batch <n>", "images in a step", countOption("batch"), TRAINING_BATCH);
  withAugmentation(command).optionsGroup("Finetuning (AdamW, linear warm-up, cosine):");
  withOptimizer(command, MENDED)
    .option("--seed <n>", "seed of order, augmentation and dropout", seedOption, 0)
    .optionsGroup("Output:")
    .option("--out <folder>", "gets shapes.json, and a folder with model.safetensors and config.json for each shape")
    .addHelpText(
      "after",
      example("shapes deit-tiny --sparsity 0.5 --calibration train/ --train train/ --data val/ --out shapes"),
    )
    .action(run(async () => (await import("../actions/shapes.js")).compareShapes));
  requireOptions(command, "sparsity", "calibration", "data", "out");
}
