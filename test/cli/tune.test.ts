/** `secateur tune` around the search itself, which test/kernels/tuning.test.ts covers. */
import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { Gpu } from "../../src/gpu/index.js";
import { makeTuningFile, pinnedTuning, readCachedTuning, writeCachedTuning } from "../../src/kernels/index.js";
import { inOwnCache } from "../harness/cache.js";
import { sharedGpu } from "../harness/gpu.js";
import { cli, noGpu, Workplace } from "./harness.js";

test("no product matches", async () => {
  const { exitCode, stderr } = await cli(["tune", "--filter", "nothing"], { openGpu: noGpu });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("filter: expected a pattern that matches a product");
});

test("a spent budget leaves an empty file that can be pinned", async () => {
  using workspace = new Workplace();
  await inOwnCache(async () => {
    const { exitCode, stdout } = await cli(["tune", "--budget", "1e-9", "--out", workspace.path("choices.json")]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("0 of ");
  });
  const file = JSON.parse(readFileSync(workspace.path("choices.json"), "utf8"));
  expect(file.matmul).toEqual({});
  expect(() => pinnedTuning(file)).not.toThrow();
});

test("products that are left out keep what was found for them before", async () => {
  using gpu = Gpu.from((await sharedGpu()).device);
  await inOwnCache(async () => {
    await writeCachedTuning(gpu, makeTuningFile(gpu, new Map([["nt 3x3x3", "tile"]])));
    expect((await cli(["tune", "--budget", "1e-9"])).exitCode).toBe(0);
    expect((await readCachedTuning(gpu))?.matmul).toEqual({ "nt 3x3x3": "tile" });
  });
});

test("a cache that cannot be written is told before the work, and no matter beside a file", async () => {
  using workspace = new Workplace();
  await inOwnCache(async () => {
    process.env.XDG_CACHE_HOME = workspace.write("no-folder", "");
    const { exitCode, stderr } = await cli(["tune", "--filter", "^nt 197x192x192$"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("expected a cache folder that can be written")]);
    const beside = await cli(["tune", "--budget", "1e-9", "--out", workspace.path("choices.json")]);
    expect(beside.exitCode).toBe(0);
  });
});

test("a path that is no JSON file, or cannot be written, is refused before a device is opened", async () => {
  using workspace = new Workplace();
  workspace.write("folder.json/file", "");
  const run = (name: string) => cli(["tune", "--out", workspace.path(name)], { openGpu: noGpu });
  const nameless = await run("choices");
  expect([nameless.exitCode, nameless.stderr]).toEqual([
    2,
    expect.stringMatching(/out: expected the path of a \.json file, got .*choices; write --out .*choices\.json/),
  ]);
  const folder = await run("folder.json");
  expect([folder.exitCode, folder.stderr]).toEqual([2, expect.stringContaining("folder")]);
});

const FIRST = ["tune", "--filter", "^nt 197x192x192$"];

test("says from the start what runs and for how long, and stops amid a product", async () => {
  const controller = new AbortController();
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    if (text.includes("%")) controller.abort(new Error("stopped"));
  };
  await inOwnCache(async () => {
    const { exitCode } = await cli(FIRST, { signal: controller.signal, stderr: { write } });
    expect(exitCode).not.toBe(0);
    expect(written.slice(0, 2)).toEqual([
      "opening the device, and checking its kernels\n",
      "nt 197x192x192: 0%, 2 min 00 s left\n",
    ]);
    expect(written).toContain("0 of 1 product tuned; nothing was found yet\n");
    expect((await readCachedTuning(await sharedGpu()))?.matmul).toEqual({});
  });
});

test("a product that the budget ends amid its kernels is left out", async () => {
  const timeout = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => {
    const controller = new AbortController();
    setTimeout(() => controller.abort());
    return controller.signal;
  });
  const { signal } = new AbortController();
  await inOwnCache(async () => {
    const { exitCode, stdout } = await cli(FIRST, { signal });
    expect(exitCode).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]); // the host's signal outlives the command
    expect(stdout).toMatch(/^0 of 1 product tuned .*\nraise --budget, now 120 s, for the others\n$/);
  });
  expect(timeout).toHaveBeenCalledWith(120_000);
  timeout.mockRestore();
});
