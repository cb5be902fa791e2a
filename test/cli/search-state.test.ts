import { existsSync, readFileSync } from "node:fs";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { SearchKeeper } from "../../src/cli/search-state.js";
import { parseSearch, type SearchState } from "../../src/prune/index.js";
import type { StepReport } from "../../src/train/index.js";
import { Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
afterEach(() => vi.restoreAllMocks());

const report: StepReport = { step: 7, totalSteps: 9, epoch: 1, loss: 1, learningRate: 0.1 };
const state: SearchState = {
  ...{ step: 7, settings: { method: "upop" }, weights: new Map(), moments: new Map(), learned: new Map() },
};

test("within an epoch what is older than five minutes is saved anew", async () => {
  const notes: string[] = [];
  const { signal } = new AbortController();
  using keeper = await SearchKeeper.open(place.folder, { signal, note: (text) => notes.push(text) });
  const read = vi.fn(async () => state);
  const start = performance.now();
  const now = vi.spyOn(performance, "now");

  now.mockReturnValue(start + 299_000);
  await keeper.onStep(report, read);
  keeper.notes.tell();
  expect([read.mock.calls.length, existsSync(place.path("state.safetensors"))]).toEqual([0, false]);
  expect(notes.splice(0)).toEqual([expect.stringMatching(/^nothing of the search is saved yet; /)]);

  now.mockReturnValue(start + 301_000);
  await keeper.onStep(report, read);
  await keeper.onStep(report, read);
  expect(read).toHaveBeenCalledTimes(1);
  expect(parseSearch(readFileSync(place.path("state.safetensors")))).toEqual(state);
  keeper.notes.tell();
  expect(notes).toEqual([expect.stringMatching(/state.safetensors holds 7 steps of the search; /)]);
});

test("a save that a signal came amid is told when it is done", async () => {
  using own = new Workplace();
  const notes: string[] = [];
  const controller = new AbortController();
  using keeper = await SearchKeeper.open(own.folder, { signal: controller.signal, note: (text) => notes.push(text) });
  await keeper.onEpoch(report, async () => {
    controller.abort();
    return state;
  });
  expect(notes).toEqual([
    expect.stringMatching(/^nothing of the search is saved yet; /),
    expect.stringMatching(/state.safetensors holds 7 steps of the search; /),
  ]);
});

test("a search that starts anew says whose state will be lost", async () => {
  const path = place.write("earlier/state.safetensors", "");
  const notes: string[] = [];
  const { signal } = new AbortController();
  using _ = await SearchKeeper.open(place.path("earlier"), { signal, note: (text) => notes.push(text) });
  expect(notes).toEqual([`note: ${path} of an interrupted run will be lost; --resume goes on from it`]);
});
