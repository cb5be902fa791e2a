/** A search that is interrupted, saved and resumed ends with the same bits as one that is not. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../../src/gpu/index.js";
import { encodeSafetensors } from "../../../src/io/index.js";
import {
  encodeSearch,
  parseSearch,
  readTraining,
  restoreTraining,
  runSearch,
  type SearchMethod,
  type SearchRun,
  type SearchState,
  type TrainingState,
  upop,
  vtp,
  wdpruning,
} from "../../../src/prune/index.js";
import { Trainer } from "../../../src/train/index.js";
import { sharedGpu } from "../../harness/gpu.js";
import { quadrantData, tinyViT } from "../../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const STEPS = 8;

const run = (): SearchRun => ({
  data: quadrantData(64, 3),
  options: { epochs: 1, batchSize: 64 / STEPS, learningRate: 0.01, averageDecay: 0.9 },
  sparsity: 0.5,
  fingerprint: "these weights",
});

async function outcome(method: SearchMethod, changes: Partial<SearchRun> = {}, onStep?: (state: SearchState) => void) {
  const model = tinyViT(gpu, 5);
  const result = await runSearch(
    model,
    method,
    { ...run(), ...changes },
    {
      onStep: async ({ step }, state) => {
        if (onStep && (step === 3 || step === STEPS)) onStep(await state());
      },
    },
  );
  const weights = await model.parameters.read();
  model.release();
  const { kept, masks, scores, removed } = result;
  return { weights, kept, masks, scores, removed };
}

const METHODS: SearchMethod[] = [upop({ interval: 2 }), vtp({ amount: "parameters" }), wdpruning({ roundTo: 4 })];

describe.each(METHODS.map((method) => [method.name, method] as const))("%s", (_, method) => {
  test("goes on from any step, after the last one too", async () => {
    const states: SearchState[] = [];
    const want = await outcome(method, {}, (state) => states.push(state));
    expect(states.map(({ step }) => step)).toEqual([3, STEPS]);
    for (const state of states) {
      const bytes = encodeSearch(state);
      const resume = parseSearch(bytes);
      expect(encodeSearch(resume)).toEqual(bytes);
      expect(await outcome(method, { resume })).toEqual(want);
    }
    const [{ learned, ...rest }] = states;
    const [name] = learned.keys();
    const others: [Partial<SearchRun>, string][] = [
      [{ sparsity: 0.4 }, "expected a state with sparsity 0.4, got 0.5"],
      [{ fingerprint: "others" }, "expected a state with the same model, data and training, got one with others"],
      [{ resume: { ...rest, learned: new Map() } }, `expected a state with ${name} of shape`],
    ];
    for (const [changes, message] of others) {
      await expect(outcome(method, { resume: states[0], ...changes })).rejects.toThrow(message);
    }
  });
});

test("a training goes on from no state of another one, and keeps what it had", async () => {
  const model = tinyViT(gpu, 5);
  using trainer = new Trainer(model, quadrantData(64, 3), run().options);
  const before = await readTraining(model, trainer);
  const others = tinyViT(gpu, 6);
  const state = { ...before, step: 3, weights: await others.parameters.read() };
  const [name] = before.moments.keys();
  const wrong: [Partial<TrainingState>, string][] = [
    [{ moments: new Map() }, `expected a state with ${name} of shape`],
    [{ average: new Map() }, "expected a state with cls_token of shape"],
    [{ average: undefined }, "expected a state with an average of the weights, got none"],
  ];
  for (const [changes, message] of wrong) {
    expect(() => restoreTraining(model, trainer, { ...state, ...changes })).toThrow(message);
  }
  expect(await readTraining(model, trainer)).toEqual(before);
  restoreTraining(model, trainer, state);
  expect(await readTraining(model, trainer)).toEqual(state);
  for (const each of [model, others]) each.release();
});

test("a file of something else is refused", () => {
  const note = { settings: {}, step: 1, finetuned: null };
  const parse = (text: string) => parseSearch(encodeSafetensors([], [["secateur.search", text]]), "file");
  expect(parse(JSON.stringify(note)).step).toBe(1);
  const wrong = [{ settings: null }, { settings: [] }, { step: -1 }, { step: 0.5 }, { finetuned: "1" }];
  for (const text of ["", "{", "null", ...wrong.map((changes) => JSON.stringify({ ...note, ...changes }))]) {
    expect(() => parse(text), text).toThrow("file: expected the state of a search");
  }
});
