/** A step of a network that is recorded and replayed, held against the same step as it is without. */
import type { Gpu } from "../src/gpu/index.js";
import { ModelRecording } from "../src/nn/index.js";
import type { Tensor } from "../src/tensor/index.js";
import { BenchNetwork, type Setting } from "./networks.js";
import type { PreparedRow } from "./row.js";

type Results = Readonly<Record<string, Tensor>>;

/** What is recorded of a network. */
export interface Work {
  /** Returns what it computes, or changes. */
  run(): Results;
  release?(): void;
}

type Begin = (network: BenchNetwork) => Work | Promise<Work>;

async function open(gpu: Gpu, setting: Setting, begin: Begin) {
  const network = new BenchNetwork(gpu, setting);
  try {
    const work = await begin(network);
    return {
      model: network.model,
      run: () => work.run(),
      [Symbol.dispose]: () => {
        work.release?.();
        network[Symbol.dispose]();
      },
    };
  } catch (error) {
    network[Symbol.dispose]();
    throw error;
  }
}

const readAll = (gpu: Gpu, results: Results): Promise<[string, Float32Array][]> =>
  Promise.all(Object.entries(results).map(async ([name, tensor]) => [name, await gpu.read(tensor)]));

/** What the step computes without being recorded. */
async function runOnce(gpu: Gpu, setting: Setting, begin: Begin): Promise<ReadonlyMap<string, Float32Array>> {
  using opened = await open(gpu, setting, begin);
  const reading = () => {
    using _scope = gpu.scope(); // copies are submitted before it ends
    return readAll(gpu, opened.run());
  };
  return new Map(await reading());
}

/** Recording, packing memory and replaying must not change a bit. @throws Error where they do, or a value is not finite. */
function compare(got: readonly [string, Float32Array][], want: ReadonlyMap<string, Float32Array>): void {
  for (const [name, replayed] of got) {
    const direct = want.get(name)!;
    const at = replayed.findIndex((value, i) => value !== direct[i] || !Number.isFinite(value));
    if (at < 0) continue;
    throw new Error(`${name}: expected ${direct[at]} at element ${at}, as without recording, got ${replayed[at]}`);
  }
}

/** @param begin - what is timed of a network whose weights are always the same */
export async function prepareRecorded(gpu: Gpu, setting: Setting, begin: Begin): Promise<PreparedRow> {
  const opened = await open(gpu, setting, begin);
  const recording = new ModelRecording<Results>(opened.model, opened.run);
  let results: Results = {};
  return {
    run: () => {
      results = recording.replay();
    },
    check: async () => {
      if (setting.full) return; // too large without a recording, which shares memory
      compare(await readAll(gpu, results), await runOnce(gpu, setting, begin));
    },
    [Symbol.dispose]: () => {
      recording.release();
      opened[Symbol.dispose]();
    },
  };
}
