import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import type { BenchArguments } from "../actions/bench.js";
import { patternOption } from "../options.js";
import type { Run } from "../program.js";
import { example } from "./help.js";

type Options = BenchArguments & { readonly compare?: string; readonly peers?: true };

export function defineBench(program: Command, run: Run): void {
  program
    .command("bench")
    .summary("time every kernel and step on this device")
    .description(
      "Times kernels, at shapes worth timing and those of ViTs, and whole steps of networks, against what the device can copy and multiply at most. Checks that something was computed; what is right, the tests say.",
    )
    .argument("[after]", "with --compare: the file to compare with")
    .option("--filter <pattern>", "only rows whose name matches this regular expression", patternOption)
    .option("--full", "all shapes that fit the device, and more samples of each: an hour on a software driver")
    .option("--peers", "time TensorFlow.js, onnxruntime-web and jax-js beside this library; installs them at first use")
    .option("--out <file>", "write the figures to this .json file, with each row, and a page with plots beside it")
    .option("--compare <before>", "say which rows are faster or slower in [after] than in this file, measuring nothing")
    .addHelpText("after", example("bench --filter 'matmul|attention'"))
    .action(
      run(async () => {
        const [{ benchKernels }, { compareBenches }, { benchPeers }] = await Promise.all([
          import("../actions/bench.js"),
          import("../actions/bench-compare.js"),
          import("../actions/bench-peers.js"),
        ]);
        return async (context, after: string | undefined, { compare, peers, ...options }: Options) => {
          if (compare !== undefined && peers) {
            throw new UsageError("compare: expected two files and no --peers, got both; --compare measures nothing");
          }
          if (compare === undefined && after !== undefined) {
            throw new UsageError(
              `bench: expected a file only after --compare, got ${after} without; choose rows with --filter, or write bench --compare before.json ${after}`,
            );
          }
          if (compare !== undefined && after === undefined) {
            throw new UsageError("compare: expected two files, got one; write bench --compare before.json after.json");
          }
          if (compare === undefined && !peers) return benchKernels(context, options);
          if (options.full || options.out !== undefined) {
            const [option, remedy] = peers ? ["peers", "--json has all samples"] : ["compare", "--json has all rows"];
            throw new UsageError(`${option}: expected --filter and --json only, got --full or --out; ${remedy}`);
          }
          if (compare !== undefined && after !== undefined) return compareBenches(context, compare, after, options);
          return benchPeers(context, options);
        };
      }),
    );
}
