/** Times a prepared row: first run checked, then repeated, the same way for every library. */
import { platform } from "#platform";
import type { HostTensors, Library, PeerResult, PreparedRow, Row } from "./peer.js";

type Measured = Omit<PeerResult, "peer" | "version" | "row">;

const SAMPLES = 7;
/** Short runs are repeated until a sample takes about this long. */
const SAMPLE_MS = 60;
const ROW_MS = 1200;
/** A run that takes this long is the only one that counts. */
const ONCE_MS = 4000;

interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** Dispatches that anybody records while `work` runs. */
async function countDispatches(work: () => Promise<void>): Promise<number> {
  const prototype = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = prototype;
  let count = 0;
  prototype.dispatchWorkgroups = function (...groups) {
    count++;
    return dispatchWorkgroups.apply(this, groups);
  };
  prototype.dispatchWorkgroupsIndirect = function (...place) {
    count++;
    return dispatchWorkgroupsIndirect.apply(this, place);
  };
  try {
    await work();
  } finally {
    Object.assign(prototype, { dispatchWorkgroups, dispatchWorkgroupsIndirect });
  }
  return count;
}

/** @param sleeping - whether the host sleeps while it waits, as Secateur does on a software driver, or polls without pause as Dawn does by itself */
export async function sample(
  { device }: Library,
  row: PreparedRow,
  repeats: number,
  sleeping: boolean,
): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < repeats; i++) await row.run();
  await platform.settle(device.queue.onSubmittedWorkDone(), sleeping);
  const wall = (performance.now() - start) / repeats;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000 / repeats };
}

const fastest = (samples: readonly Sample[]): number => Math.min(...samples.map(({ wall }) => wall));

/** Both ways to wait are tried and the faster is kept, so that no library is slowed down by ours. */
async function repeated(library: Library, row: PreparedRow, single: number): Promise<Sample[]> {
  const repeats = Math.max(1, Math.min(100, Math.round(SAMPLE_MS / single)));
  const series = new Map<boolean, Sample[]>([
    [true, []],
    [false, []],
  ]);
  for (const sleeping of [true, false, false, true]) {
    series.get(sleeping)!.push(await sample(library, row, repeats, sleeping));
  }
  const sleeping = fastest(series.get(true)!) <= fastest(series.get(false)!);
  const samples = series.get(sleeping)!;
  const end = performance.now() + ROW_MS - 4 * single * repeats;
  while (samples.length < SAMPLES && performance.now() < end) {
    samples.push(await sample(library, row, repeats, sleeping));
  }
  return samples;
}

/** Runs, checks and times; never throws for what a library does. */
export async function measureRow(library: Library, row: Row): Promise<Measured> {
  const wrong = (note: string): Measured => ({ samples: [], correct: false, note });
  let prepared: PreparedRow | string | undefined;
  const faults: string[] = [];
  const onFault = ({ error }: GPUUncapturedErrorEvent) => faults.push(error.message.split("\n")[0]);
  library.device.addEventListener("uncapturederror", onFault);
  try {
    const inputs = row.inputs();
    prepared = await library.prepare(row.kind, inputs);
    if (typeof prepared === "string") return { samples: [], correct: true, note: prepared };
    return await timed(library, row, inputs, prepared, faults);
  } catch (error) {
    return wrong(faults[0] ?? String(error));
  } finally {
    library.device.removeEventListener("uncapturederror", onFault);
    if (typeof prepared === "object") prepared.release?.();
  }
}

async function timed(
  library: Library,
  row: Row,
  inputs: HostTensors,
  prepared: PreparedRow,
  faults: readonly string[],
): Promise<Measured> {
  let first: Sample | undefined;
  const dispatches = await countDispatches(async () => {
    first = await sample(library, prepared, 1, true);
  });
  const error = row.error(inputs, await prepared.outputs());
  const result = {
    dispatches,
    first: first!.wall,
    error,
    correct: error <= 1 && faults.length === 0,
    note: [prepared.note, dispatches === 0 && "on the CPU"].filter(Boolean).join(", ") || undefined,
  };
  if (!result.correct) return { ...result, samples: [], note: faults[0] ?? "wrong results" };
  // Where seconds are expected, those of compiling do not matter.
  const second = row.long && first!.wall > ONCE_MS ? first! : await sample(library, prepared, 1, true);
  const samples = second.wall > ONCE_MS ? [second] : await repeated(library, prepared, second.wall);
  return { ...result, samples: samples.map(({ wall }) => wall), cpu: Math.min(...samples.map(({ cpu }) => cpu)) };
}
