import type { Command } from "commander";
import type { Run } from "../program.js";
import { example } from "./help.js";

export function defineDoctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .summary("show adapters, limits, and what is missing")
    .description(
      "Shows which adapters work here, which one is used and why, and how to mend what is missing. Exit code 2 without any.",
    )
    .addHelpText("after", example("doctor"))
    .action(run(async () => (await import("../actions/doctor.js")).examineMachine));
}
