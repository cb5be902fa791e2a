import { type Command, Option } from "commander";
import { UsageError } from "../../errors.js";
import { METHODS, type ScoringMethod } from "../../prune/methods/index.js";
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
import {
  DATA,
  DEFAULT_BATCH,
  example,
  GRANULARITY,
  MANY_ROUNDS,
  METHODS_OF_PRUNE,
  MODEL_OR_CONFIG,
  requireOptions,
} from "./help.js";
import { FRESH, TRAINING_BATCH, withAugmentation, withOptimizer } from "./training-options.js";

export function definePrune(program: Command, run: Run): void {
  const command = program
    .command("prune")
    .summary("mask the weights that matter least")
    .description(
      "Scores weights over calibration data, masks the lowest, and measures what that costs. A config.json, or a folder " +
        "with nothing else, is pruned at initialisation: it starts with fresh weights of --seed.",
    )
    .argument("<model>", MODEL_OR_CONFIG)
    .optionsGroup("What to prune:")
    .option("--method <name>", `one of ${METHODS_OF_PRUNE.join(", ")}`, nameOption("method", METHODS, METHODS_OF_PRUNE))
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
    .option("--multiple-of <n>", "keep a multiple of n units in each layer", countOption("multiple-of"))
    .option(
      "--include <parts>",
      `prune these too, with commas between them: ${INCLUDABLE.join(", ")}`,
      listOption("include", INCLUDABLE),
    )
    .optionsGroup("How:")
    .option(
      "--rounds <n>",
      `score and prune this many times; ${[...MANY_ROUNDS].join(", ")} want many, such as 100`,
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
      `images in a calibration batch, whose mean loss counts (default: ${DEFAULT_BATCH}), or in a step of training (default: ${TRAINING_BATCH})`,
      countOption("batch"),
    )
    .option("--data <data>", "images to measure accuracy on (default: the calibration images)")
    .optionsGroup(
      "Training (imp: each round trains, prunes and takes the weights back; model.safetensors gets those before training):",
    )
    .option("--train <data>", `images to train on: ${DATA}`)
    .option(
      "--rewind-step <n>",
      "take the weights of this step of the first training back, instead of those before it",
      numberOption("rewind-step", { min: 0, max: 2 ** 31 - 1, integer: true }),
      0,
    );
  withOptimizer(withAugmentation(command), FRESH)
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
  command.hook("preAction", () => checkTrainingOptions(command));
}

/** Options of training are for methods that train. */
const TRAINING_OPTIONS = [
  ...["train", "rewindStep", "epochs", "lr", "minLr", "warmup", "weightDecay"],
  ...["labelSmoothing", "clip", "cropPadding", "flip"],
];

/** @throws UsageError for a training without data, or where the method does not train. */
function checkTrainingOptions(command: Command): void {
  const { method, train } = command.opts<{ method: ScoringMethod; train?: string }>();
  if (method.training) {
    if (train !== undefined) return;
    throw new UsageError(`${method.name}: expected data to train on, got none; give --train DATA`);
  }
  const given = TRAINING_OPTIONS.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  const trained = [...METHODS.values()].flatMap(({ name, training }) => (training ? [name] : []));
  const { long } = command.options.find((option) => option.attributeName() === given)!;
  throw new UsageError(
    `${long!.slice(2)}: expected a method that trains (${trained.join(", ")}), got ${method.name}; leave ${long} out`,
  );
}
