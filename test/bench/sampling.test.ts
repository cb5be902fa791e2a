/** How many runs make a sample, by a clock that only the rows move. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Row } from "../../bench/row.js";
import { QUICK, timeRow } from "../../bench/sampling.js";
import type { Gpu } from "../../src/gpu/index.js";

let now = 0;

beforeEach(() => {
  now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => vi.restoreAllMocks());

/** Milliseconds that each wait for the device takes, however much it waits for. */
const WAIT = 1;

const gpu = {
  sync: async () => {
    now += WAIT;
  },
  ...{ trim() {}, resetPeak() {} },
  ...{ memory: { inUse: 0, peak: 0 }, counters: { dispatches: 0 }, hostTime: 0 },
} as unknown as Gpu;

/** @param cost - milliseconds of a run, by how many went before */
const rowOf = (cost: (run: number) => number): Row => ({
  ...{ name: "fake", family: "rows" },
  prepare: () => {
    let runs = 0;
    return {
      run() {
        now += cost(runs++);
      },
      [Symbol.dispose]() {},
    };
  },
});

const timed = (cost: (run: number) => number) => timeRow(gpu, rowOf(cost), { arithmetic: 1, bandwidth: 1 });

const MOST = 400;

test.each([0.0001, 0.001, 0.01, 0.074, 0.1, 0.2, 0.5, 0.9, 1, 3, 7, 20, 28, 29, 31, 60, 100, 3000])(
  "runs of %d ms make a sample of half the time asked at least, as far as repeats go",
  async (cost) => {
    const { repeats, samples, milliseconds } = await timed(() => cost);
    expect(repeats).toBeLessThanOrEqual(MOST);
    if (repeats < MOST) expect(repeats * milliseconds).toBeGreaterThanOrEqual(QUICK.sample / 2);
    // No sample takes much longer than asked either, but of one run.
    if (repeats > 1) expect(repeats * milliseconds).toBeLessThan(1.5 * QUICK.sample);
    // The wait is shared by the runs of a sample.
    for (const sample of samples) expect(sample).toBeCloseTo(cost + WAIT / repeats, 9);
  },
);

test("a row whose first runs are slow is repeated by what later ones take", async () => {
  const { repeats, milliseconds } = await timed((run) => (run === 0 ? 500 : run < 4 ? 8 : 0.25));
  expect(repeats * milliseconds).toBeGreaterThanOrEqual(QUICK.sample / 2);
  expect(milliseconds).toBeCloseTo(0.25 + WAIT / repeats, 9);
});
