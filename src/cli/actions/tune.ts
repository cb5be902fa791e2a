/** `secateur tune`: which kernels are fastest here, for the products that Vision Transformers are made of. */
import { UsageError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { checkWritableFile, writeFileAtomic } from "../../io/node/index.js";
import {
  type MatmulVariant,
  makeTuningFile,
  type NamedWorkload,
  readCachedTuning,
  type TunedMatmul,
  tuneMatmul,
  vitWorkloads,
  workloadKey,
  writeCachedTuning,
} from "../../kernels/index.js";
import type { CommandContext, Outcome } from "../host.js";
import { durationText, Progress } from "../progress.js";
import { counted, onAbort } from "../save-notes.js";
import { textTable } from "../table.js";

export interface TuneArguments {
  readonly filter?: RegExp;
  /** Seconds. */
  readonly budget: number;
  readonly precision: "f32" | "f16";
  /** Path of a JSON file. */
  readonly out?: string;
}

/** @throws UsageError when no product matches the filter, or nothing can be kept or written. */
export async function tuneDevice(context: CommandContext, options: TuneArguments): Promise<Outcome> {
  const { filter, budget, precision, out } = options;
  const workloads = vitWorkloads().filter(({ name }) => filter?.test(name) ?? true);
  if (workloads.length === 0) {
    const names = vitWorkloads().map(({ name }) => name);
    throw new UsageError(
      `filter: expected a pattern that matches a product (${names[0]} ...), got ${filter}; widen it`,
    );
  }
  if (out !== undefined && !out.endsWith(".json")) {
    throw new UsageError(`out: expected the path of a .json file, got ${out}; write --out ${out}.json`);
  }
  if (out !== undefined) await checkWritableFile(out);
  context.note("opening the device, and checking its kernels");
  using gpu = await context.openGpu();
  const choices = await earlierChoices(gpu, precision);
  const keep = () => keepChoices(gpu, choices, out);
  await keep(); // where nothing can be kept, that is said before the work
  using progress = new Progress(context.stderr, sum(costs(workloads)), budget);
  const start = performance.now();
  const spent = () => (performance.now() - start) / 1000;
  const tuned: TunedMatmul[] = [];
  const progressText = () => `${tuned.length} of ${counted(workloads.length, "product")} tuned`;
  // At the signal already, as a product may take long to stop.
  using _ = onAbort(context.signal, () =>
    context.note(
      `${progressText()}; ${tuned.length === 0 ? "nothing was found yet" : "what was found for them is kept"}`,
    ),
  );
  progress.show(workloads[0].name);
  const timer = AbortSignal.timeout(Math.min(Math.ceil(budget * 1000), LONGEST_TIMER));
  const signal = AbortSignal.any([context.signal, timer]);
  for (const [i, cost] of costs(workloads).entries()) {
    context.signal.throwIfAborted();
    if (spent() > budget) break;
    const { name, workload } = workloads[i];
    let done = 0;
    const onProgress = (part: number) => {
      progress.advance(cost * (part - done), name);
      done = part;
    };
    const found = await tuneMatmul(gpu, workload, { precision, signal, onProgress }).catch((error) => {
      if (error !== timer.reason) throw error;
    });
    if (!found) break;
    tuned.push(found);
    choices.set(workloadKey(workload), found.variant);
    await keep(); // of what is interrupted, all that was found stays
  }
  progress.clear();
  const refused = [...new Set(tuned.flatMap((each) => each.refused))];
  const lines = [
    ...(tuned.length > 0 ? [tunedTable(tuned), ""] : []),
    `${progressText()} for ${gpu.info.description} in ${durationText(spent())}`,
    ...(refused.length > 0 ? [`refused, as they compute wrongly or not at all here: ${refused.join(", ")}`] : []),
    ...(tuned.length < workloads.length ? [`raise --budget, now ${budget} s, for the others`] : []),
  ];
  return { data: { command: "tune", ...makeTuningFile(gpu, choices), tuned }, text: lines.join("\n") };
}

/** Of Node, in milliseconds: 25 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A filter or a budget leaves products out: they keep what was found for them before, but for what rounds where f32 is asked for. */
async function earlierChoices(gpu: Gpu, precision: TuneArguments["precision"]): Promise<Map<string, MatmulVariant>> {
  const kept = Object.entries((await readCachedTuning(gpu))?.matmul ?? {});
  return new Map(kept.filter(([, variant]) => precision === "f16" || variant !== "subgroup matrix"));
}

/** @throws UsageError where the choices could go nowhere: a cache that cannot be written is no matter beside a file. */
async function keepChoices(gpu: Gpu, choices: ReadonlyMap<string, MatmulVariant>, out: string | undefined) {
  const file = makeTuningFile(gpu, choices);
  if (out !== undefined) await writeFileAtomic(out, `${JSON.stringify(file, null, 2)}\n`);
  await writeCachedTuning(gpu, file).catch((error: Error) => {
    if (out !== undefined) return;
    throw new UsageError(
      `tune: expected a cache folder that can be written, got "${error.message}"; set XDG_CACHE_HOME, or write a file with --out`,
    );
  });
}

/** Compiling the candidates for the first product of an order and mask takes a software driver about as long as so many GFLOP. */
const COMPILING = 10;

/** About how long each product takes beside the others. */
function costs(workloads: readonly NamedWorkload[]): number[] {
  const kinds = new Set<string>();
  return workloads.map(({ workload: { order, masked, size } }) => {
    const kind = `${order} ${masked}`;
    const compiling = kinds.has(kind) ? 0 : COMPILING;
    kinds.add(kind);
    return compiling + (2 * size.m * size.n * size.k) / 1e9;
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

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
