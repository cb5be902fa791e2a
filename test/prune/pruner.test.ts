/** The engine: order of events, exact resumption, cancelling, going back, compensation, and training loops around it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import type { Model } from "../../src/nn/index.js";
import {
  captureWeights,
  clearMasks,
  criterionByName,
  EVENTS,
  encodeState,
  map,
  type PruneOptions,
  Pruner,
  parseState,
  prune,
  readMasks,
  rewind,
  sum,
} from "../../src/prune/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const calibration = quadrantData(24, 8);
const TRAINING = { epochs: 1, batchSize: 8, learningRate: 1e-3 };

const optionsFor = (method: string, more: Partial<PruneOptions> = {}): PruneOptions => ({
  saliency: criterionByName(method),
  sparsity: 0.8,
  rounds: 3,
  calibration,
  batchSize: 8,
  ...more,
});

const finetuned: Partial<PruneOptions> = { finetune: ({ train }) => train(calibration, TRAINING) };

/** Everything that a run leaves behind, as one comparable value. */
async function outcome(model: Model, pruner: Pruner) {
  return {
    state: encodeState(await pruner.state()),
    masks: await readMasks(model),
    weights: await model.parameters.read(),
  };
}

describe("events", () => {
  test("come in order, and handlers are waited for", async () => {
    const model = tinyViT(gpu);
    using pruner = new Pruner(model, optionsFor("taylor", { rounds: 1, ...finetuned }));
    const seen: string[] = [];
    for (const name of EVENTS) {
      pruner.on(name, async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.push(name);
      });
    }
    const stop = pruner.on("scored", () => void seen.push("never"));
    stop();
    await pruner.run();
    const batches = ["batchScored", "batchScored", "batchScored"];
    const steps = ["step", "step", "step", "epoch"];
    expect(seen).toEqual(
      [
        "started",
        "roundStarted",
        batches,
        "scored",
        "selected",
        "masked",
        steps,
        "finetuned",
        "roundCompleted",
        "completed",
      ].flat(),
    );
    model.release();
  });

  test("failed comes with the error of a handler", async () => {
    const model = tinyViT(gpu);
    using pruner = new Pruner(model, optionsFor("magnitude"));
    const errors: unknown[] = [];
    pruner.on("masked", () => {
      throw new Error("from a handler");
    });
    pruner.on("failed", ({ error }) => void errors.push(error));
    await expect(pruner.run()).rejects.toThrow("from a handler");
    expect(errors.map(String)).toEqual(["Error: from a handler"]);
    model.release();
  });
});

describe("resumed from a saved state, a run ends with the same bytes", () => {
  const cases: [string, Partial<PruneOptions>][] = [
    ["taylor", {}],
    ["random", { scope: "layer" }],
    ["obs", {}],
    ["movement", { ...finetuned, prepare: ({ train }) => train(calibration, TRAINING) }],
    ["taylor-second", { ...finetuned, granularity: "neuron" }],
  ];

  test.each(cases)("%s", async (method, more) => {
    const options = optionsFor(method, more);
    const model = tinyViT(gpu);
    using whole = new Pruner(model, options);
    const saved: Uint8Array[] = [];
    whole.on("roundCompleted", async () => void saved.push(encodeState(await whole.state())));
    await whole.run();
    const want = await outcome(model, whole);
    model.release();

    for (const bytes of saved) {
      const fresh = tinyViT(gpu);
      using pruner = new Pruner(fresh, options);
      pruner.resume(parseState(bytes));
      await pruner.run();
      expect(await outcome(fresh, pruner)).toEqual(want);
      fresh.release();
    }
  });

  test("late rewind included", async () => {
    const early = (more: Partial<PruneOptions> = {}) =>
      optionsFor("magnitude", {
        prepare: async ({ train, keepWeights }) => {
          await train(calibration, TRAINING);
          keepWeights("early");
        },
        finetune: async ({ train, rewind: back }) => {
          back("early");
          await train(calibration, TRAINING);
        },
        ...more,
      });
    const model = tinyViT(gpu);
    using whole = new Pruner(model, early());
    const saved: Uint8Array[] = [];
    whole.on("roundStarted", async () => void saved.push(encodeState(await whole.state())));
    await whole.run();
    const want = await outcome(model, whole);
    for (const bytes of saved) {
      const fresh = tinyViT(gpu);
      using pruner = new Pruner(fresh, early());
      pruner.resume(parseState(bytes));
      await pruner.run();
      expect(await outcome(fresh, pruner)).toEqual(want);
      fresh.release();
    }
    model.release();
  });

  test("but not with other options, or for another model", async () => {
    const model = tinyViT(gpu);
    using pruner = new Pruner(model, optionsFor("magnitude"));
    await pruner.step();
    const state = await pruner.state();
    const other = tinyViT(gpu, 1, { depth: 1 });
    using smaller = new Pruner(other, optionsFor("magnitude"));
    expect(() => smaller.resume(state)).toThrow(/resume: expected a state with units \d+, got \d+/);
    const again = tinyViT(gpu);
    using different = new Pruner(again, optionsFor("magnitude", { rounds: 4 }));
    expect(() => different.resume(state)).toThrow(/resume: expected a state with rounds 4, got 3/);
    expect(() => parseState(new Uint8Array(16), "x.safetensors")).toThrow(/x.safetensors/);
    const changed: Partial<PruneOptions>[] = [
      { floor: 0.1 },
      { ceiling: 0.9 },
      { multipleOf: 4 },
      { monotone: false },
      { protection: { layers: (name) => name === "blocks.0.mlp.fc1" } },
      finetuned,
      { amount: { budget: { cost: () => 1, keep: { fraction: 0.2 } } }, sparsity: undefined },
    ];
    for (const more of changed) {
      using another = new Pruner(again, optionsFor("magnitude", more));
      expect(() => another.resume(state), JSON.stringify(more)).toThrow(/resume: expected a state with/);
    }
    const short = { ...state, keep: state.keep.slice(1) };
    using same = new Pruner(again, optionsFor("magnitude"));
    expect(() => same.resume(short)).toThrow(/words of keep bits/);
    for (const each of [model, other, again]) each.release();
  });
});

test("options that need care", async () => {
  const model = tinyViT(gpu);
  const first = await prune(model, {
    saliency: criterionByName("magnitude"),
    pattern: "2:4",
    on: { scored: undefined },
  });
  expect(first.report.units.kept).toBe(first.space.count / 2);
  clearMasks(model);
  const kept: number[] = [];
  const shares = { amount: { share: 0.5 }, rounds: 3, schedule: "linear" } as const;
  const on: PruneOptions["on"] = { roundCompleted: (round) => void kept.push(round.kept) };
  await prune(model, { saliency: criterionByName("magnitude"), ...shares, on });
  expect(kept[0]).toBeGreaterThan(kept[1]);
  expect(kept[1]).toBeGreaterThan(kept[2]);
  clearMasks(model);
  const revived = { ...optionsFor("obs"), monotone: false };
  await expect(prune(model, revived)).rejects.toThrow(
    /monotone: expected units that stay pruned with a saliency that compensates/,
  );
  model.release();
});

test("callers without types are told what they misspelt", async () => {
  const model = tinyViT(gpu);
  const saliency = criterionByName("magnitude");
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ granularity: "heads" }, /granularity: expected weight, row, head, neuron, .* got "heads"; choose one/],
    [{ scope: "column" }, /scope: expected global, layer, row, .* got "column"/],
    [{ granularty: "head" }, /prune: options: expected saliency, .* got "granularty"/],
    [{ protection: { classifer: false } }, /protection: expected embedding, .* got "classifer"/],
    [{ protection: { layers: ["a"] } }, /protection.layers: expected a function of a layer's name, got an array/],
    [{ saliency: "taylor" }, /saliency: expected an object with needs and score, got "taylor"; criterionByName/],
    [{ saliency: { needs: ["weight"] } }, /saliency: expected an object with needs and score/],
    [{ saliency: { needs: ["weight"], score: () => 1 } }, /expected score to return an expression, got 1/],
    [{ calibration: "images" }, /calibration: expected a dataset or batches, got "images"/],
    [{ calibration: [], saliency: criterionByName("taylor") }, /calibration: expected batches, got none/],
    [{ sparsity: "0.5" }, /sparsity: expected a number, got "0.5"/],
    [{ sparsity: undefined, amount: 0.5 }, /amount: expected an object such as/],
    [{ schedule: "expo" }, /schedule: expected one-shot, linear, .* got "expo"/],
    [{ finetune: { epochs: 1 } }, /finetune: expected a function/],
    [{ rounds: 2.5 }, /rounds: expected a whole number, 1 or more, got 2.5/],
    [
      { sparsity: undefined, amount: { budget: { cost: "parameters", keep: 0.5 } } },
      /keep: { fraction: 0.5 } keeps a part/,
    ],
    [
      { sparsity: undefined, amount: { budget: { cost: "params", keep: 9 } } },
      /budget: cost: expected parameters, flops, .* got "params"/,
    ],
  ];
  for (const [options, message] of wrong) {
    await expect(
      prune(model, { saliency, sparsity: 0.5, ...options } as never),
      JSON.stringify(options),
    ).rejects.toThrow(message);
  }
  using pruner = new Pruner(model, { saliency, sparsity: 0.5 });
  expect(() => pruner.on("roundcompleted" as never, () => {})).toThrow(
    /on: events: expected started, .* got "roundcompleted"/,
  );
  expect(() => sum(map("1.0", {}), "rows" as never)).toThrow(
    /sum: axis: expected unit, row, column, layer, model, got "rows"/,
  );
  expect([...model.parameters].some(({ mask }) => mask)).toBe(false);
  model.release();
});

test("a run goes back to an earlier round and on from there", async () => {
  const model = tinyViT(gpu);
  using pruner = new Pruner(model, optionsFor("taylor", { snapshots: true }));
  await pruner.run();
  const [first, , last] = pruner.snapshots;
  pruner.goBack(1);
  expect(await readMasks(model)).toEqual(first);
  expect(pruner.round).toBe(1);
  await pruner.run();
  expect(await readMasks(model)).toEqual(last);
  pruner.goBack(0);
  expect((await readMasks(model)).size).toBe(0);
  expect(() => pruner.goBack(2)).toThrow(/goBack: expected a round with a snapshot, 0 to 0, got 2/);
  model.release();
});

test("thresholds that are not finite survive a file", async () => {
  const model = tinyViT(gpu);
  using pruner = new Pruner(model, optionsFor("magnitude"));
  await pruner.step();
  const state = await pruner.state();
  const thresholds = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN];
  const rounds = [{ ...state.rounds[0], selections: thresholds.map((threshold) => ({ threshold, pruned: 1 })) }];
  expect(parseState(encodeState({ ...state, rounds })).rounds).toEqual(rounds);
  model.release();
});

describe("cancelled at any event, nothing leaks and the rest can be done later", () => {
  const events = ["roundStarted", "scored", "selected", "masked", "step", "roundCompleted"] as const;
  const methods: [string, Partial<PruneOptions>][] = [
    ["taylor", finetuned],
    ["obs", { amount: { sparsityOfAlive: 0.4 }, sparsity: undefined }],
    ["movement", { ...finetuned, prepare: ({ train }) => train(calibration, TRAINING) }],
  ];

  test.each(methods.flatMap(([method, more]) => events.map((name) => [method, name, more] as const)))(
    "%s at %s",
    async (method, name, more) => {
      const undisturbed = tinyViT(gpu);
      using whole = new Pruner(undisturbed, optionsFor(method, more));
      await whole.run();
      const want = await outcome(undisturbed, whole);

      const model = tinyViT(gpu);
      const before = gpu.memory.inUse;
      {
        const controller = new AbortController();
        using pruner = new Pruner(model, optionsFor(method, { ...more, signal: controller.signal }));
        let seen = 0;
        pruner.on(name, () => {
          if (++seen === 2) controller.abort(new Error("stop"));
        });
        const hasEvent = more.finetune || name !== "step";
        if (hasEvent) await expect(pruner.run()).rejects.toThrow("stop");
        const saved = encodeState(await pruner.state());

        const fresh = tinyViT(gpu);
        using resumed = new Pruner(fresh, optionsFor(method, more));
        resumed.resume(parseState(saved));
        await resumed.run();
        expect(await outcome(fresh, resumed)).toEqual(want);
        fresh.release();
      }
      clearMasks(model);
      expect(gpu.memory.inUse).toBe(before);

      // The same engine goes on after a handler failed.
      const again = tinyViT(gpu);
      using retried = new Pruner(again, optionsFor(method, more));
      let calls = 0;
      retried.on(name, () => {
        if (++calls === 2) throw new Error("once");
      });
      await retried.run().catch(() => retried.run());
      expect(await outcome(again, retried)).toEqual(want);
      for (const each of [undisturbed, model, again]) each.release();
    },
  );
});

describe("going back", () => {
  test("reset gives the dense net, and the same run again", async () => {
    const model = tinyViT(gpu);
    const dense = await model.parameters.read();
    using pruner = new Pruner(model, optionsFor("obs", { ...finetuned, snapshots: true }));
    await pruner.run();
    const first = await outcome(model, pruner);
    expect(pruner.snapshots.length).toBe(3);
    expect(pruner.snapshots[2]).toEqual(first.masks);
    expect(pruner.snapshots[0]).not.toEqual(first.masks);
    pruner.reset();
    expect(await model.parameters.read()).toEqual(dense);
    expect((await readMasks(model)).size).toBe(0);
    await pruner.run();
    expect(await outcome(model, pruner)).toEqual(first);
    model.release();
  });

  test("iterative magnitude pruning with late rewind: weights of the early step, masks of the last round", async () => {
    const model = tinyViT(gpu);
    await prune(tinyViT(gpu, 2), optionsFor("magnitude", { rounds: 1 })); // others on the device do not matter
    let early: ReturnType<typeof captureWeights> | undefined;
    using pruner = new Pruner(
      model,
      optionsFor("magnitude", {
        prepare: async ({ train }) => {
          await train(calibration, TRAINING);
          early = captureWeights(model);
          await train(calibration, TRAINING);
        },
        finetune: async ({ train }) => {
          rewind(model, early!);
          await train(calibration, TRAINING);
        },
      }),
    );
    await pruner.run();
    rewind(model, early!);
    expect(await model.parameters.read()).toEqual(await early!.read());
    expect((await readMasks(model)).size).toBe(8);
    early!.release();
    model.release();
  });
});

describe("compensation", () => {
  /** Mean squared difference to the dense outputs over the calibration data, layer by layer summed. */
  async function outputError(method: string, compensated: boolean, more: Partial<PruneOptions> = {}): Promise<number> {
    const { evaluate } = await import("../../src/train/index.js");
    const model = tinyViT(gpu);
    const logitsOf = async () => {
      const logits: number[] = [];
      await evaluate(model, calibration, { onLogits: (rows) => logits.push(...rows) });
      return logits;
    };
    const dense = await logitsOf();
    const saliency = criterionByName(method);
    await prune(
      model,
      optionsFor(method, {
        saliency: compensated ? saliency : { ...saliency, compensate: undefined },
        rounds: 1,
        sparsity: 0.4,
        ...more,
      }),
    );
    const pruned = await logitsOf();
    model.release();
    return pruned.reduce((total, value, i) => total + (value - dense[i]) ** 2, 0) / dense.length;
  }

  test.each([
    ["obs", {}],
    ["sparsegpt", {}],
    ["vbp", { granularity: "neuron" }],
    ["obs", { rounds: 3 }],
    ["vbp", { granularity: "neuron", rounds: 3 }],
  ] as [string, Partial<PruneOptions>][])(
    "%s brings the outputs closer to those of the dense net",
    async (method, more) => {
      expect(await outputError(method, true, more)).toBeLessThan(0.9 * (await outputError(method, false, more)));
    },
  );
});

test("a round that removes nothing changes nothing more", async () => {
  for (const [method, more] of [
    ["obs", {}],
    ["sparsegpt", {}],
    ["vbp", { granularity: "neuron" }],
  ] as const) {
    const weightsAfter: unknown[] = [];
    const model = tinyViT(gpu);
    await prune(model, {
      ...optionsFor(method, more),
      schedule: "one-shot",
      on: { roundCompleted: async () => void weightsAfter.push(await model.parameters.read()) },
    });
    const size = (weights: unknown) => weights as Map<string, { data: Float32Array }>;
    const [first, , last] = weightsAfter.map(size);
    for (const [name, { data }] of last) {
      const before = first.get(name)!.data;
      const largest = before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      data.forEach(
        (value, i) => void expect(Math.abs(value - before[i]), `${method} ${name}`).toBeLessThanOrEqual(2e-5 * largest),
      );
    }
    model.release();
  }
});

test("movement without training is refused; gradients of any loop may be observed, and add up over the rounds", async () => {
  const model = tinyViT(gpu);
  using pruner = new Pruner(model, optionsFor("movement", { rounds: 2 }));
  await expect(pruner.step()).rejects.toThrow(/movement: expected training steps to sum over, got none/);
  const { Tensor } = await import("../../src/tensor/index.js");
  const { value } = model.parameters.get("blocks.0.mlp.fc1.weight");
  const gradient = Tensor.from(gpu, new Float32Array(value.size).fill(2), value.shape);
  const { offset, units } = pruner.space.groups.find(({ name }) => name === "blocks.0.mlp.fc1")!;
  const w = await value.read();
  expect(units).toBe(w.length);
  for (const steps of [1, 2]) {
    pruner.observe({ get: (leaf) => (leaf === value ? gradient : undefined) });
    await pruner.step();
    const scores = await pruner.scorer.scores.read();
    w.forEach((weight, i) => void expect(scores[offset + i]).toBeCloseTo(-2 * steps * weight, 5));
  }
  model.release();
});
