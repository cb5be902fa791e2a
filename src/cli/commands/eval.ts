import type { Command } from "commander";
import { choiceOption, countOption } from "../options.js";
import type { Run } from "../program.js";
import { DATA, DEFAULT_BATCH, example, MODEL, requireOptions } from "./help.js";

export function defineEval(program: Command, run: Run): void {
  const command = program
    .command("eval")
    .summary("measure accuracy and speed")
    .description(
      "Prints top-1 and top-5 accuracy, mean cross entropy and images a second: of whole batches without the first, which compiles kernels, or of all images where fewer than two batches are whole.",
    )
    .argument("<model>", MODEL)
    .option("--data <data>", `images: ${DATA}`)
    .option("--masks <file>", "lay these masks over the weights")
    .option("--batch <n>", "images at once", countOption("batch"), DEFAULT_BATCH)
    .option(
      "--precision <type>",
      "f32, or f16 for weights and activations on devices that have it",
      choiceOption("precision", ["f32", "f16"]),
      "f32",
    )
    .option("--logits <file>", "write logits and labels as .safetensors, in the order of the data")
    .addHelpText("after", example("eval deit-tiny --data val/ --masks pruned/masks.safetensors"))
    .action(run(async () => (await import("../actions/eval.js")).evaluateModel));
  requireOptions(command, "data");
}
