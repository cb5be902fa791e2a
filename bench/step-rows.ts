/**
 * Whole steps of networks: what users wait for. A round scores, selects, and writes the masks; a round of path exclusion does so with its forward and
 * backward passes over a batch, and beside it stands one by magnitude, whose score costs next to nothing.
 */
import type { Gpu } from "../src/gpu/index.js";
import { architectureOf } from "../src/nn/index.js";
import { magnitude, Pruner, px } from "../src/prune/index.js";
import { type Tensor, withoutHistory } from "../src/tensor/index.js";
import { ADAMW_DEFAULTS, AdamW } from "../src/train/index.js";
import { BenchNetwork, configOf, SETTINGS, type Setting } from "./networks.js";
import { prepareRecorded, type Work } from "./recorded-step.js";
import type { PreparedRow, Row } from "./row.js";

/** What is done with a network; `passes` counts forward passes' worth of FLOPs, where it is about that. */
interface Step {
  readonly name: string;
  readonly passes?: number;
  prepare(gpu: Gpu, setting: Setting): PreparedRow | Promise<PreparedRow>;
}

const forward = (network: BenchNetwork): Work => ({
  run: () => ({ logits: withoutHistory(() => network.forward()) }),
});

const gradients = (network: BenchNetwork): Work => ({
  run: () => {
    const all = network.gradients();
    const named = Array.from(network.model.parameters, ({ name, value }) => [name, all.get(value)] as const);
    return Object.fromEntries(named.filter((entry): entry is [string, Tensor] => entry[1] !== undefined));
  },
});

function training(network: BenchNetwork): Work {
  const { gpu, model } = network;
  const optimizer = new AdamW(gpu, model.parameters, ADAMW_DEFAULTS);
  optimizer.prepare(0, 1e-4);
  return {
    run: () => {
      optimizer.update(network.gradients());
      return Object.fromEntries(Array.from(model.parameters, ({ name, value }) => [name, value]));
    },
    release: () => optimizer.release(),
  };
}

/** With masks on every prunable weight that remove none of them, or hardly any. */
async function maskedTraining(network: BenchNetwork): Promise<Work> {
  using pruner = new Pruner(network.model, { saliency: magnitude, sparsity: 1e-6 });
  await pruner.step();
  return training(network);
}

const SPARSITY = 0.9;
/** More than a row ever runs. */
const ROUNDS = 10_000;

const rounds = (name: string, saliency: typeof px | typeof magnitude): Step => ({
  name,
  prepare: (gpu, setting) => {
    const network = new BenchNetwork(gpu, setting);
    const calibration = network.dataset;
    const options = { saliency, sparsity: SPARSITY, rounds: ROUNDS, calibration, batchSize: setting.batch };
    const pruner = new Pruner(network.model, options as ConstructorParameters<typeof Pruner>[1]);
    return {
      run: async () => void (await pruner.step()),
      check: async () => {
        const { kept, density } = pruner.rounds[0];
        const asked = density * pruner.space.count;
        if (Math.abs(kept - asked) > 1) throw new Error(`${name}: expected ${asked} weights to be kept, got ${kept}`);
      },
      [Symbol.dispose]: () => {
        pruner[Symbol.dispose]();
        network[Symbol.dispose]();
      },
    };
  },
});

/** A backward pass takes two products for each one of the forward pass. */
const TRAINING_PASSES = 3;

const recorded = (name: string, passes: number, work: (network: BenchNetwork) => Work | Promise<Work>): Step => ({
  name,
  passes,
  prepare: (gpu, setting) => prepareRecorded(gpu, setting, work),
});

const STEPS: readonly Step[] = [
  recorded("forward", 1, forward),
  recorded("forward+backward", TRAINING_PASSES, gradients),
  recorded("training step", TRAINING_PASSES, training),
  recorded("training step, dense masks", TRAINING_PASSES, maskedTraining),
  rounds("px round", px),
  rounds("prune round by magnitude", magnitude),
];

export function stepRows(): Row[] {
  return SETTINGS.flatMap((setting) => {
    const { flops } = architectureOf(configOf(setting));
    return STEPS.map(
      ({ name, passes, prepare }): Row => ({
        name: `step: ${setting.name}: ${name}`,
        family: "step",
        flops: passes && passes * flops * setting.batch,
        full: setting.full,
        prepare: (gpu) => prepare(gpu, setting),
      }),
    );
  });
}
