/** When a library is warm, by a clock that only its runs move. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Library, PreparedRow } from "../../bench/peers/peer.js";
import { warmUp } from "../../bench/peers/warm-up.js";

let now = 0;

beforeEach(() => {
  now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => vi.restoreAllMocks());

/** @param cost - milliseconds of a run, by how many went before. @returns how long the warm-up took, and what the last run did */
async function warmed(cost: (run: number) => number) {
  let runs = 0;
  let released = false;
  const row: PreparedRow = {
    run: () => {
      now += cost(runs++);
    },
    outputs: async () => ({}),
    release: () => {
      released = true;
    },
  };
  const library = {
    version: "1",
    device: { queue: { onSubmittedWorkDone: async () => undefined } },
    prepare: async () => row,
  } as unknown as Library;
  await warmUp(library);
  expect(released).toBe(true);
  return { took: now, last: cost(runs - 1) };
}

test("a library that is fast at once is held up for two seconds", async () => {
  const { took } = await warmed((run) => (run === 0 ? 20 : 5));
  expect(took).toBeGreaterThanOrEqual(2000);
  expect(took).toBeLessThan(2100);
});

test("a first run of half a minute is followed by those that are fast", async () => {
  const { took, last } = await warmed((run) => (run === 0 ? 30_000 : 5));
  expect(last).toBe(5);
  expect(took).toBeLessThan(32_100);
});

test("runs that get faster little by little are waited for", async () => {
  expect((await warmed((run) => Math.max(10, 1500 * 0.7 ** run))).last).toBe(10);
});

test("nothing is begun after 40 seconds", async () => {
  const { took } = await warmed((run) => 3000 * 0.99 ** run);
  expect(took).toBeLessThan(43_000);
});

test("a library without the operation is not held up", async () => {
  const library = { version: "1", device: {}, prepare: async () => "no products" } as unknown as Library;
  await warmUp(library);
  expect(now).toBe(0);
});
