import type { Command } from "commander";
import { CRITERIA } from "../../prune/criteria/index.js";
import { countOption, granularityOption, nameOption, seedOption } from "../options.js";
import type { Run } from "../program.js";
import { DATA, DEFAULT_BATCH, example, GRANULARITY, MODEL, requireOptions, SCORING } from "./help.js";

export function defineSaliency(program: Command, run: Run): void {
  const command = program
    .command("saliency")
    .summary("score weights and prune nothing")
    .description("Writes the score of every parameter, norms and biases included, or of every unit of a granularity.")
    .argument("<model>", MODEL)
    .optionsGroup("What to score:")
    .option("--criterion <name>", `one of ${SCORING.join(", ")}`, nameOption("criterion", CRITERIA, SCORING))
    .option("--granularity <unit>", GRANULARITY, granularityOption, "weight")
    .option("--seed <n>", "seed of random scores", seedOption, 0)
    .optionsGroup("Data:")
    .option("--calibration <data>", `images to score on: ${DATA}`)
    .option("--examples-per-class <n>", "use the first images of each class only", countOption("examples-per-class"))
    .option("--batch <n>", "images in a batch; the loss is the mean over one", countOption("batch"), DEFAULT_BATCH)
    .optionsGroup("Output:")
    .option("--out <file>", "scores as .safetensors (f32)")
    .addHelpText(
      "after",
      example("saliency deit-tiny --criterion fisher --calibration train/ --out fisher.safetensors"),
    )
    .action(run(async () => (await import("../actions/saliency.js")).scoreModel));
  requireOptions(command, "criterion", "out");
}
