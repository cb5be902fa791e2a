import type { Command } from "commander";
import { choiceOption, numberOption, patternOption } from "../options.js";
import type { Run } from "../program.js";
import { example } from "./help.js";

export function defineTune(program: Command, run: Run): void {
  program
    .command("tune")
    .summary("find the fastest kernels for this device, and keep them")
    .description(
      "Times the kernels that compute right on this device for the products of Vision Transformers, and keeps what is fastest for later runs. Without it, choices that ship with the program are used.",
    )
    .option("--filter <pattern>", "only products whose name matches this regular expression", patternOption)
    .option(
      "--budget <seconds>",
      "stop after so long; what was found until then stays",
      numberOption("budget", { above: 0 }),
      120,
    )
    .option(
      "--precision <type>",
      "f32, or f16 to try matrix units, which round operands",
      choiceOption("precision", ["f32", "f16"]),
      "f32",
    )
    .option("--out <file>", "also write the choices to this .json file, to pin them")
    .addHelpText("after", example("tune --budget 300"))
    .action(run(async () => (await import("../actions/tune.js")).tuneDevice));
}
