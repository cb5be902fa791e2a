import type { Command } from "commander";
import type { Run } from "../program.js";
import { example } from "./help.js";

export function defineDemo(program: Command, run: Run): void {
  program
    .command("demo")
    .summary("prune a ViT for digits and show what that costs")
    .description(
      "Prunes a ViT for handwritten digits with three methods at three sparsities, finetunes one, and writes a report.",
    )
    .option("--out <folder>", "gets the report and the finetuned model", "secateur-demo")
    .addHelpText("after", example("demo"))
    .action(run(async () => (await import("../actions/demo.js")).runDemo));
}
