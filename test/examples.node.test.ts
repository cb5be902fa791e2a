/** The programs of examples/, run as users run them: by Node, with the package by its name. What they print has to make sense. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
// @ts-expect-error: a script without types
import { bundle } from "../scripts/build.mjs";

const folder = fileURLToPath(new URL("../examples/", import.meta.url));
const SHARED = ["digits.js", "host-buffers.js"];

beforeAll(() => bundle());

/** What an example prints, line by line. */
async function run(name: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}${name}`]);
  return stdout.trim().split("\n");
}

/** The number that `pattern` captures in the only line that it matches. */
function numberIn(lines: readonly string[], pattern: RegExp): number {
  const found = lines.flatMap((line) => pattern.exec(line) ?? []);
  expect(found, `${pattern} in\n${lines.join("\n")}`).toHaveLength(2);
  return Number(found[1]);
}

const checks: Record<string, (lines: readonly string[]) => void> = {
  "custom-saliency.js": (lines) => {
    const accuracy = (name: string) =>
      numberIn(lines, new RegExp(`^${name}: ([\\d.]+)% with 58992 of 196608 weights$`));
    expect(numberIn(lines, /^dense: ([\d.]+)%$/)).toBeGreaterThan(97);
    expect(accuracy("random")).toBeLessThan(30);
    for (const name of ["taylor", "wanda", "ria", "root-taylor"]) expect(accuracy(name)).toBeGreaterThan(75);
  },
  "host-device.js": (lines) => {
    expect(numberIn(lines, /^kernels: (\d+) of 256 rows are zero$/)).toBe(64);
    expect(numberIn(lines, /^dense: ([\d.]+)%$/)).toBeGreaterThan(97);
    // Random neurons leave 82%.
    expect(numberIn(lines, /^pruned: ([\d.]+)%$/)).toBeGreaterThan(93);
    expect(numberIn(lines, /^(\d+) of 56 buffers hold what the host wrote$/)).toBe(56);
  },
  "host-training-loop.js": (lines) => {
    const kept = Array.from(lines.join("\n").matchAll(/(\d+) weights left/g), ([, weights]) => Number(weights));
    expect(kept).toHaveLength(8);
    expect([...kept].sort((a, b) => b - a)).toEqual(kept);
    // A tenth of the weights that are not the classifier's.
    expect(kept[7]).toBe(26520);
    // Random weights leave 88%.
    expect(numberIn(lines, /^pruned: ([\d.]+)%$/)).toBeGreaterThan(90);
  },
  "imp-rewind.js": (lines) => {
    const accuracy = (how: string, kept: number) =>
      numberIn(lines, new RegExp(`^${how}, ${kept}% of the weights: ([\\d.]+)%$`));
    expect(accuracy("rewind", 100)).toBeGreaterThan(87);
    expect(accuracy("finetune", 100)).toBe(accuracy("rewind", 100));
    expect(accuracy("rewind", 10)).toBeGreaterThan(87);
    expect(accuracy("rewind", 3)).toBeGreaterThan(accuracy("finetune", 3) + 2);
  },
  "kernels.js": (lines) => {
    for (const what of ["layer", "replay", "clip\\.wgsl", "own device"]) {
      const difference = numberIn(lines, new RegExp(`^${what}: largest difference ([\\d.]+e[+-]\\d+)$`));
      expect(difference, what).toBeLessThan(1e-5);
    }
    expect(numberIn(lines, /^(\d+) bytes in use$/)).toBe(0);
  },
  "latency-budget.js": (lines) => {
    const [asked, expected, measured] = ["asked for", "expected", "measured"].map((what) =>
      numberIn(lines, new RegExp(`${what} (-?\\d+)%`)),
    );
    expect(expected).toBeLessThanOrEqual(asked);
    expect(measured).toBeGreaterThan(0);
    const widths = [/with (\d+) and/, /with \d+ and (\d+) of/].map((pattern) => numberIn(lines, pattern));
    for (const [layer, width] of widths.entries()) {
      expect(width % 16).toBe(0);
      expect(width).toBeLessThanOrEqual([512, 256][layer]);
    }
    // How much goes depends on the device.
    expect(numberIn(lines, /^pruned: ([\d.]+)%/)).toBeGreaterThan(70);
  },
  "two-towers.js": (lines) => {
    // Ten words: chance is 10%.
    expect(numberIn(lines, /^dense: ([\d.]+)%$/)).toBeGreaterThan(35);
    for (const ranking of ["unified", "separate"]) {
      const accuracy = (where: string) => numberIn(lines, new RegExp(`^${ranking}: (?:.* )?${where}`));
      expect(accuracy("([\\d.]+)% after")).toBeGreaterThan(accuracy("([\\d.]+)% before"));
      expect(Math.abs(accuracy("compact ([\\d.]+)%$") - accuracy("([\\d.]+)% after"))).toBeLessThan(0.5);
    }
    const counts = Array.from(lines.join("\n").matchAll(/(\d+) of 121233 parameters/g), ([, count]) => Number(count));
    expect(counts).toHaveLength(2);
    // 70% of what blocks lose with their units goes from either.
    for (const count of counts) expect(count / 121233).toBeCloseTo(0.36, 1);
  },
};

test.each(Object.keys(checks))("%s", async (name) => {
  checks[name](await run(name));
});

test("all of them are checked", () => {
  const programs = readdirSync(folder).filter((name) => name.endsWith(".js") && !SHARED.includes(name));
  expect(programs.sort()).toEqual(Object.keys(checks).sort());
});
