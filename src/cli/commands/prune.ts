import type { Command } from "commander";
import { isSearch, SEARCHES } from "../../prune/methods/index.js";
import { SCHEDULES } from "../../prune/schedule.js";
import { SCOPES } from "../../prune/select.js";
import {
  choiceOption,
  countOption,
  granularityOption,
  listOption,
  nameOption,
  numberOption,
  seedOption,
  sparsityOption,
} from "../options.js";
import type { Run } from "../program.js";
import { INCLUDABLE } from "../protection.js";
import { ROUND_TO } from "./compact.js";
import { DATA, DEFAULT_BATCH, example, GRANULARITY, MANY_ROUNDS, MODEL_OR_CONFIG, requireOptions } from "./help.js";
import { checkOptionsOfMethod, KNOWN_METHODS, METHODS_OF_PRUNE } from "./prune-methods.js";
import { withSearch } from "./search-options.js";
import { FRESH, TRAINING_BATCH, withAugmentation, withOptimizer } from "./training-options.js";

export function definePrune(program: Command, run: Run): void {
  const score = run(async () => (await import("../actions/prune.js")).pruneModel);
  const search = run(async () => (await import("../actions/search.js")).searchModel);
  const command = program
    .command("prune")
    .summary("mask the weights that matter least")
    .description(
      "Scores weights over calibration data, masks the lowest, and measures what that costs; or trains while a method learns " +
        `what to remove (${[...SEARCHES.keys()].join(", ")}). A config.json, or a folder with nothing else, is pruned at ` +
        "initialisation: it starts with fresh weights of --seed.",
    )
    .argument("<model>", MODEL_OR_CONFIG)
    .optionsGroup("What to prune:")
    .option(
      "--method <name>",
      `one of ${METHODS_OF_PRUNE.join(", ")}`,
      nameOption("method", KNOWN_METHODS, METHODS_OF_PRUNE),
    )
    .option("--sparsity <part>", "part to remove, 0.9 keeps a tenth", sparsityOption)
    .option("--granularity <unit>", GRANULARITY, granularityOption, "weight")
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
    .option(
      "--multiple-of <n>",
      "keep a multiple of n units in each layer, upop of widths: neurons, and head dimensions of all heads together (default: any number; wdpruning: 16)",
      countOption("multiple-of"),
    )
    .option(
      "--include <parts>",
      `prune these too, with commas between them: ${INCLUDABLE.join(", ")}`,
      listOption("include", INCLUDABLE),
    )
    .optionsGroup("How:")
    .option(
      "--rounds <n>",
      `score and prune this many times; ${MANY_ROUNDS.join(", ")} want many, such as 100`,
      countOption("rounds"),
      1,
    )
    .option(
      "--schedule <name>",
      "sparsity by round: exponential, linear, cosine, cubic or one-shot (default: exponential if there are rounds)",
      choiceOption("schedule", SCHEDULES),
    )
    .option(
      "--reference",
      "follow the method's authors to the letter: their scores, objective and protected layers; ties with the threshold go too",
    )
    .option("--monotone", "what was pruned stays pruned (default, except with --reference)")
    .option("--no-monotone", "what was pruned comes back where a later round scores it high (default with --reference)")
    .option("--resume", "go on from what an interrupted run left in --out, to the same end")
    .option("--seed <n>", "seed of random scores, fresh weights and training", seedOption, 0)
    .option("--compact", "also cut out what was pruned, into the folder compact of --out, and measure size and speed")
    .option("--round-to <n>", `with --compact: ${ROUND_TO}`, countOption("round-to"))
    .optionsGroup("Data:")
    .option("--calibration <data>", `images to score on: ${DATA}`)
    .option(
      "--examples-per-class <n>",
      "calibrate, or train a search, on the first images of each class only",
      countOption("examples-per-class"),
    )
    .option(
      "--batch <n>",
      `images in a calibration batch, whose mean loss counts (default: ${DEFAULT_BATCH}), or in a step of training (default: ${TRAINING_BATCH})`,
      countOption("batch"),
    )
    .option("--data <data>", "images to measure accuracy on (default: the calibration images, if there are any)")
    .optionsGroup("Training (of methods that train):")
    .option("--train <data>", `images to train on: ${DATA}`)
    .option(
      "--rewind-step <n>",
      "imp, whose rounds train, prune and take the weights back: take those of this step of the first training, instead of those before it",
      numberOption("rewind-step", { min: 0, max: 2 ** 31 - 1, integer: true }),
      0,
    );
  withSearch(withOptimizer(withAugmentation(command), FRESH))
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
    .action((path, options) => (isSearch(options.method) ? search : score)(path, options));
  requireOptions(command, "method", "out");
  command.hook("preAction", () => checkOptionsOfMethod(command));
}
