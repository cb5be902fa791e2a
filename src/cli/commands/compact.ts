import type { Command } from "commander";
import { countOption, numberOption } from "../options.js";
import type { Run } from "../program.js";
import { example, MODEL, requireOptions } from "./help.js";

export const ROUND_TO =
  "keep multiples of n neurons, dimensions and channels by leaving some zeros in (default: 4, which kernels read at once)";

const blockIndex = numberOption("at", { min: 0, integer: true });
const blockList = (text: string): number[] => text.split(",").map((part) => blockIndex(part));

export function defineCompact(program: Command, run: Run): void {
  const command = program
    .command("compact")
    .summary("cut out what masks removed")
    .description(
      "Cuts heads, dimensions, neurons, channels, branches and blocks that are zero out of the weights, and writes a smaller model that computes the same. Checks that it does, and measures both.",
    )
    .argument("<model>", MODEL)
    .option("--masks <file>", "cut what these masks remove (without: what is zero in the weights)")
    .option("--round-to <n>", ROUND_TO, countOption("round-to"))
    .option(
      "--depth <blocks>",
      "end the network after so many blocks, at the classifier that `prune --exits` trained there",
      countOption("depth"),
    )
    .option(
      "--keep-tokens <part>",
      "let some blocks of a ViT keep this part of the patch tokens: those that the class token attends to most",
      numberOption("keep-tokens", { above: 0, max: 1 }),
    )
    .option("--at <blocks>", "those blocks, from 0, with commas between them (default: 3,6,9 of twelve)", blockList)
    .option(
      "--speed-batch <n>",
      "images in a batch whose speed is measured (default: up to 64)",
      countOption("speed-batch"),
    )
    .optionsGroup("Output:")
    .option("--out <folder>", "gets model.safetensors, config.json")
    .addHelpText("after", example("compact pruned --masks pruned/masks.safetensors --out small"))
    .action(run(async () => (await import("../actions/compact.js")).compactFolder));
  requireOptions(command, "out");
}
