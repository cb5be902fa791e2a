import { type Command, Option } from "commander";
import { patternOption } from "../options.js";
import type { Run } from "../program.js";
import { example } from "./help.js";

export function defineBench(program: Command, run: Run): void {
  program
    .command("bench")
    .summary("time every kernel on this device")
    .description("Times kernels at shapes worth timing, and checks nothing: the tests do.")
    .option("--filter <pattern>", "only cases whose name matches this regular expression", patternOption)
    .addOption(new Option("--peers").hideHelp())
    .addHelpText("after", example("bench --filter 'matmul|attention'"))
    .action(run(async () => (await import("../actions/bench.js")).benchKernels));
}
