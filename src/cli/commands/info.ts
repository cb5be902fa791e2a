import type { Command } from "commander";
import type { Run } from "../program.js";
import { example, MODEL } from "./help.js";

export function defineInfo(program: Command, run: Run): void {
  program
    .command("info")
    .summary("show parameters, FLOPs and density by layer")
    .description("Shows a model's parameters, FLOPs, config and density by layer. Needs no adapter.")
    .argument("<model>", MODEL)
    .option("--masks <file>", "count these masks instead of weights that are zero")
    .addHelpText("after", example("info pruned --masks pruned/masks.safetensors"))
    .action(run(async () => (await import("../actions/info.js")).describeModel));
}
