/** `secateur bench`: what each kernel does on this device. */
import { runBench } from "../../../bench/run.js";
import { UsageError } from "../../errors.js";
import type { CommandContext, Outcome } from "../host.js";
import { Progress } from "../progress.js";
import { textTable } from "../table.js";

export interface BenchArguments {
  readonly filter?: RegExp;
  readonly peers?: boolean;
}

/** @throws UsageError when no case matches. */
export async function benchKernels(context: CommandContext, options: BenchArguments): Promise<Outcome> {
  const { filter, peers } = options;
  if (peers) {
    throw new UsageError("peers: expected a later version, which times other libraries, got this one; leave it out");
  }
  using gpu = await context.openGpu();
  let progress: Progress | undefined;
  const results = await runBench(gpu, {
    filter,
    signal: context.signal,
    onResult: ({ name }, _, total) => {
      progress ??= new Progress(context.stderr, total);
      progress.advance(1, name);
    },
  });
  progress?.clear();
  if (results.length === 0) {
    throw new UsageError(
      `filter: expected a pattern that matches a case, got ${filter}; leave it out to see all names`,
    );
  }
  const number = (value: number | undefined): string => (value === undefined ? "" : value.toPrecision(3));
  const table = textTable([
    ["kernel", "ms", "median", "GFLOP/s", "GB/s"],
    ...results.map(({ name, milliseconds, median, gflops, gigabytesPerSecond }) => [
      name,
      number(milliseconds),
      number(median),
      number(gflops),
      number(gigabytesPerSecond),
    ]),
  ]);
  return {
    data: { command: "bench", adapter: gpu.info, results },
    text: `${gpu.info.description}\n${table}`,
  };
}
