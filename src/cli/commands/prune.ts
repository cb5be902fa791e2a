import { type Command, Option } from "commander";
import { criterionByName } from "../../prune/criteria/index.js";
import { checkSparsity, SCHEDULES } from "../../prune/schedule.js";
import { SCOPES } from "../../prune/select.js";
import { choiceOption, countOption, granularityOption, listOption, numberOption, seedOption } from "../options.js";
import type { Run } from "../program.js";
import { INCLUDABLE } from "../protection.js";
import { DATA, DEFAULT_BATCH, example, METHODS, MODEL, requireOptions } from "./help.js";

const readNumber = numberOption("sparsity");

function sparsity(text: string): number {
  const value = readNumber(text);
  checkSparsity(value, 1);
  return value;
}

export function definePrune(program: Command, run: Run): void {
  const command = program
    .command("prune")
    .summary("mask the weights that matter least")
    .description("Scores weights over calibration data, masks the lowest, and measures what that costs.")
    .argument("<model>", MODEL)
    .optionsGroup("What to prune:")
    .option("--method <name>", `one of ${METHODS.join(", ")}`, criterionByName)
    .option("--sparsity <part>", "part to remove, 0.9 keeps a tenth", sparsity)
    .option("--granularity <unit>", "weight, row, head, neuron, or blocks such as 32x32", granularityOption, "weight")
    .option(
      "--scope <scope>",
      "what is ranked together: global, layer, or the weights of each row",
      choiceOption("scope", SCOPES),
      "global",
    )
    .option("--pattern <n:m>", "keep the n highest of each m weights in a row, such as 2:4, instead of --sparsity")
    .option(
      "--floor <part>",
      "keep at least this part of each layer's units",
      numberOption("floor", { min: 0, max: 1 }),
    )
    .option("--multiple-of <n>", "keep a multiple of n units in each layer", countOption("multiple-of"))
    .option("--include <parts>", `prune these too: ${INCLUDABLE.join(", ")}`, listOption("include", INCLUDABLE))
    .optionsGroup("How:")
    .option("--rounds <n>", "score and prune this many times", countOption("rounds"), 1)
    .option(
      "--schedule <name>",
      "sparsity by round: exponential, linear, cosine, cubic or one-shot (default: exponential if there are rounds)",
      choiceOption("schedule", SCHEDULES),
    )
    .option("--reference", "follow the method's authors to the letter: ties with the threshold go too")
    .option("--resume", "go on from what an interrupted run left in --out, to the same end")
    .option("--seed <n>", "seed of random scores", seedOption, 0)
    .addOption(new Option("--compact").hideHelp())
    .optionsGroup("Data:")
    .option("--calibration <data>", `images to score on: ${DATA}`)
    .option(
      "--examples-per-class <n>",
      "calibrate on the first images of each class only",
      countOption("examples-per-class"),
    )
    .option(
      "--batch <n>",
      "images in a calibration batch; the loss is the mean over one",
      countOption("batch"),
      DEFAULT_BATCH,
    )
    .option("--data <data>", "images to measure accuracy on (default: the calibration images)")
    .optionsGroup("Output:")
    .option(
      "--out <folder>",
      "gets model.safetensors, config.json, masks.safetensors, scores.safetensors, report.json, report.html",
    )
    .addHelpText(
      "after",
      example(
        "prune deit-tiny --method taylor --sparsity 0.5 --calibration train/ --examples-per-class 10 --data val/ --out pruned",
      ),
    )
    .action(run(async () => (await import("../actions/prune.js")).pruneModel));
  requireOptions(command, "method", "out");
}
