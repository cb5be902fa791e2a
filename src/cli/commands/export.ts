import type { Command } from "commander";
import type { Run } from "../program.js";
import { example, MODEL, requireOptions } from "./help.js";

export function defineExport(program: Command, run: Run): void {
  const command = program
    .command("export")
    .summary("write a model for other runtimes")
    .description("Writes a dense, masked or compact model as an ONNX file of any batch size. Needs no adapter.")
    .argument("<model>", MODEL)
    .option("--onnx <file>", "the ONNX file (opset 17)")
    .option("--masks <file>", "write weights that these masks remove as zeros")
    .addHelpText("after", example("export pruned --onnx pruned.onnx"))
    .action(run(async () => (await import("../actions/export.js")).exportModel));
  requireOptions(command, "onnx");
}
