/** `secateur tune`: which kernels are fastest here, for the products that Vision Transformers are made of. */
import { UsageError } from "../../errors.js";
import { checkWritableFile, writeFileAtomic } from "../../io/node/index.js";
import {
  type MatmulVariant,
  makeTuningFile,
  readCachedTuning,
  type TunedMatmul,
  tuneMatmul,
  vitWorkloads,
  workloadKey,
  writeCachedTuning,
} from "../../kernels/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { Progress } from "../progress.js";
import { textTable } from "../table.js";

export interface TuneArguments {
  readonly filter?: RegExp;
  /** Seconds. */
  readonly budget: number;
  readonly precision: "f32" | "f16";
  /** Path of a JSON file. */
  readonly out?: string;
}

/** @throws UsageError when no product matches the filter, or `out` cannot be written. */
export async function tuneDevice(context: CommandContext, options: TuneArguments): Promise<Outcome> {
  const { filter, budget, precision, out } = options;
  const workloads = vitWorkloads().filter(({ name }) => filter?.test(name) ?? true);
  if (workloads.length === 0) {
    const names = vitWorkloads().map(({ name }) => name);
    throw new UsageError(
      `filter: expected a pattern that matches a product (${names[0]} ...), got ${filter}; widen it`,
    );
  }
  if (out !== undefined) await checkWritableFile(out);
  using gpu = await context.openGpu();
  using progress = new Progress(context.stderr, workloads.length);
  const start = performance.now();
  const tuned: TunedMatmul[] = [];
  for (const { name, workload } of workloads) {
    context.signal.throwIfAborted();
    if (performance.now() - start > 1000 * budget) break;
    tuned.push(await tuneMatmul(gpu, workload, { precision }));
    progress.advance(1, name);
  }
  // A filter or a budget leaves products out: they keep what was found for them before, but for what rounds where f32 is asked for.
  const kept = Object.entries((await readCachedTuning(gpu))?.matmul ?? {}).filter(
    ([, variant]) => precision === "f16" || variant !== "subgroup matrix",
  );
  const choices = new Map<string, MatmulVariant>(kept);
  for (const { workload, variant } of tuned) choices.set(workloadKey(workload), variant);
  const file = makeTuningFile(gpu, choices);
  if (out !== undefined) await writeFileAtomic(out, `${JSON.stringify(file, null, 2)}\n`);
  await writeCachedTuning(gpu, file);
  progress.clear();
  const refused = [...new Set(tuned.flatMap((each) => each.refused))];
  const lines = [
    tunedTable(tuned),
    "",
    `${tuned.length} of ${workloads.length} products tuned for ${gpu.info.description}`,
    ...(refused.length > 0 ? [`refused, as they compute wrongly here: ${refused.join(", ")}`] : []),
    ...(tuned.length < workloads.length ? ["raise --budget for the others"] : []),
  ];
  return { data: { command: "tune", ...file, tuned }, text: lines.join("\n") };
}

const tunedTable = (tuned: readonly TunedMatmul[]): string =>
  textTable([
    ["product", "kernel", "ms", "GFLOP/s", "untuned ms"],
    ...tuned.map(({ workload, variant, milliseconds, untuned }) => {
      const { m, n, k } = workload.size;
      const gflops = (2 * m * n * k) / milliseconds / 1e6;
      return [
        `${workload.order}${workload.masked ? " masked" : ""} ${m}x${n}x${k}`,
        variant,
        ...[milliseconds, gflops, untuned].map((value) => value.toFixed(2)),
      ];
    }),
  ]);
