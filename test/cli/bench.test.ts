import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type BenchResult, resultToJson } from "../../bench/result.js";
import { measurementLine } from "../../src/cli/bench-table.js";
import { measurement, result } from "../bench/fixtures.js";
import { cli, noGpu, Workplace } from "./harness.js";

describe("bench", () => {
  test("prints each row, and writes figures and a page", async () => {
    using place = new Workplace();
    const { exitCode, stdout, stderr } = await cli(["bench", "--filter", "^fill \\d", "--out", place.path("a.json")]);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^measuring what this device can/); // seconds before the first line
    expect(stdout).toMatch(/ms {2}median.* row\n +[\d.]+ .* {2}fill 4194305\n/);
    expect(stdout).toContain("1 row measured, 0 left out, 0 failed");
    const written: BenchResult = JSON.parse(readFileSync(place.path("a.json"), "utf8"));
    expect(written).toMatchObject({ schema: 1, complete: true, rows: [{ name: "fill 4194305" }] });
    expect(written.rows[0].samples.length).toBeGreaterThanOrEqual(3);
    expect(written.rows[0].bytes).toBe(4 * 4194305);
    expect(Math.min(written.ceilings.arithmetic, written.ceilings.bandwidth)).toBeGreaterThan(0.1);
    expect(written.adapter.description).not.toBe("");
    expect(readFileSync(place.path("a.html"), "utf8")).toContain("fill 4194305");
  });

  test("columns keep apart, however wide figures are", () => {
    const line = measurementLine(measurement({ api: 3.32, peakBytes: 1020, milliseconds: 123_456_789 }));
    expect(line.trim().split(/ +/)).toEqual([
      "123456789",
      "2.10",
      "3.90",
      "10.0",
      "0.500",
      "10%",
      "120",
      "1",
      "3.32",
      "0.00102",
      "matmul",
      "8x8x8",
    ]);
  });

  test("says which files hold the rows that were measured before an interruption", async () => {
    using place = new Workplace();
    const controller = new AbortController();
    const write = (text: string) => {
      if (text.includes("fill 4194305")) controller.abort(new Error("stopped"));
    };
    const out = place.path("a.json");
    const host = { signal: controller.signal, stdout: { write } };
    const { exitCode, stderr } = await cli(["bench", "--filter", "^fill", "--out", out], host);
    expect(exitCode).not.toBe(0);
    const { complete, rows }: BenchResult = JSON.parse(readFileSync(out, "utf8"));
    expect([complete, stderr]).toEqual([false, expect.stringContaining(`a.html: ${rows.length} row`)]);
  });

  test.each([
    [["--filter", "no such kernel"], "filter: expected a pattern that matches a row"],
    [["--out", "a.txt"], "out: expected the path of a .json file, got a.txt"],
    [["--compare", "a.json"], "compare: expected two files, got one"],
    [["a.json"], "bench: expected a file only after --compare, got a.json without"],
    [["--compare", "a.json", "b.json", "--out", "c.json"], "compare: expected --filter and --json only"],
    [["--compare", "a.json", "b.json", "--full"], "compare: expected --filter and --json only"],
    [["--compare", "a.json", "b.json", "--peers"], "compare: expected two files and no --peers"],
    [["--peers", "--out", "a.json"], "peers: expected --filter and --json only"],
    [["--peers", "--filter", "no such row"], "filter: expected a pattern that matches a row"],
  ])("refuses %j before it opens a device", async (args, message) => {
    const { exitCode, stderr } = await cli(["bench", ...args], { openGpu: noGpu });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("bench --compare", () => {
  const slower = measurement({ samples: [4, 4.1, 4.2], median: 4.1 });

  test("tells which rows changed, and warns of what differs besides", async () => {
    using place = new Workplace();
    const before = place.write("a.json", resultToJson(result()));
    const adapter = { ...result().adapter, description: "another" };
    const after = place.write("b.json", resultToJson(result({ adapter, rows: [slower] })));
    const { exitCode, stdout, stderr } = await cli(["bench", "--compare", before, after], { openGpu: noGpu });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/matmul 8x8x8 +2\.100 +4\.100 +1\.952 +1\.\d+ \.\.\. 2\.\d+ +slower/);
    expect(stdout).toContain("0 faster, 1 slower, 0 without a difference");
    expect(stderr).toContain("warning: the adapters differ: llvmpipe before, another after");
  });

  test("takes rows by name, and tells others in one line before the verdict", async () => {
    using place = new Workplace();
    const others = ["a", "b", "c", "d", "e", "f"].map((name) => measurement({ name }));
    const before = place.write("a.json", resultToJson(result({ rows: [measurement(), ...others] })));
    const after = place.write("b.json", resultToJson(result({ rows: [slower, ...others.slice(5)] })));
    const run = (...args: string[]) => cli(["bench", "--compare", before, after, ...args], { openGpu: noGpu });
    const lines = (await run()).stdout.split("\n");
    expect(lines.slice(-5, -1)).toEqual([
      `only in ${before}: 5 rows: a, b, c, d and 1 more`,
      "",
      "other work on the machine shifts all rows of a run: two runs of the same program tell how much",
      "0 faster, 1 slower, 1 without a difference, 0 unclear",
    ]);
    const filtered = await run("--filter", "^matmul");
    expect(filtered.stdout).not.toContain("only in");
    expect(filtered.stdout).toContain("0 faster, 1 slower, 0 without a difference");
    expect((await run("--filter", "^a$")).stderr).toContain("rows in common that match /^a$/, got none");
  });

  test("refuses what has no row in common, and what is no bench", async () => {
    using place = new Workplace();
    const paths = [result(), result({ rows: [measurement({ name: "other" })] })].map((each, index) =>
      place.write(`${index}.json`, resultToJson(each)),
    );
    const strange = place.write("strange.json", "{}");
    const run = (...files: string[]) => cli(["bench", "--compare", ...files], { openGpu: noGpu });
    expect((await run(paths[0], paths[1])).stderr).toContain("compare: expected rows in common, got none");
    expect((await run(paths[0], strange)).stderr).toContain("expected what bench --out wrote, got schema undefined");
  });
});
