/** The program as it is installed: a process of its own, its signals and its end. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-expect-error: a script without types
import { bundle } from "../../scripts/build.mjs";
import { type MatmulWorkload, makeTuningFile, workloadKey } from "../../src/kernels/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { type CliResult, TINY, Workplace } from "./harness.js";

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const place = new Workplace();
beforeAll(() => bundle());
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();

interface Ending extends Omit<CliResult, "exitCode"> {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs the program to its end. `onOutput` sees what stderr holds so far. */
function run(
  args: readonly string[],
  onOutput: (stderr: string, pid: number) => void = () => {},
  env: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    written.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    written.stderr += chunk;
    onOutput(written.stderr, child.pid!);
  });
  return new Promise((resolve) => child.on("close", (exitCode, signal) => resolve({ exitCode, signal, ...written })));
}

/** Dawn itself warns about software drivers. */
const ownLines = (stderr: string): string[] =>
  stderr.split("\n").filter((line) => line && !line.startsWith("Warning: max"));

describe("the installed program", () => {
  it("ends by itself with one JSON document on stdout", async () => {
    const { exitCode, signal, stdout, stderr } = await run(["eval", model, "--data", data, "--json"]);
    expect(signal).toBeNull();
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ command: "eval", examples: 24 });
    expect(ownLines(stderr)).toEqual([]);
  });

  it("ends with exit code 2 and one line for a bad model", async () => {
    const { exitCode, stdout, stderr } = await run(["eval", place.path("none"), "--data", data]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("ends with exit code 2 and one line for an adapter that does not exist", async () => {
    const child = spawn(process.execPath, [program, "eval", model, "--data", data], {
      env: { ...process.env, SECATEUR_ADAPTER: "abacus" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const exitCode = await new Promise((resolve) => child.on("close", resolve));
    expect(exitCode).toBe(2);
    expect(ownLines(stderr)).toEqual([
      expect.stringContaining('SECATEUR_ADAPTER: expected hardware, lavapipe, swiftshader, got "abacus"'),
    ]);
  });

  it("stops at Ctrl-C with exit code 130 and nothing half-written", async () => {
    const config = place.write("fresh/config.json", JSON.stringify(TINY));
    const out = place.path("out");
    const args = [
      "train",
      config,
      "--data",
      data,
      "--batch",
      "8",
      "--epochs",
      "100000",
      "--save-every",
      "100000",
      "--out",
      out,
    ];
    let interrupted = false;
    const { exitCode, signal, stdout, stderr } = await run(args, (seen, pid) => {
      if (interrupted || !seen.includes("epoch 2 of")) return;
      interrupted = true;
      process.kill(pid, "SIGINT");
    });
    expect(signal).toBeNull();
    expect(exitCode).toBe(130);
    expect(stdout).toBe("");
    expect(ownLines(stderr).at(-1)).toBe("secateur: interrupted; nothing is half-written");
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(place.folder).filter((name) => name.startsWith(".secateur"))).toEqual([]);
  });
});

describe("kernels of a pinned file", () => {
  const pinned = (SECATEUR_TUNING: string, out: string) => {
    const args = ["train", model, "--data", data, "--batch", "8", "--epochs", "1", "--out", place.path(out)];
    return run(args, undefined, { SECATEUR_TUNING });
  };

  it("train to the same bytes in two processes", async () => {
    const gpu = await sharedGpu();
    const qkv: MatmulWorkload = { order: "nt", masked: false, size: { m: 40, n: 48, k: 16 } };
    const choices = new Map([[workloadKey(qkv), "tile 32x32x8/4x4"]] as const);
    const file = place.write("choices.json", JSON.stringify(makeTuningFile(gpu, choices)));
    for (const out of ["one", "other"]) expect(await pinned(file, out)).toMatchObject({ exitCode: 0 });
    const [one, other] = ["one", "other"].map((out) => place.files(out).get("model.safetensors"));
    expect(one?.length).toBeGreaterThan(0);
    expect(other).toEqual(one);
  });

  it("are refused in one line where they are another device's, or no file", async () => {
    const other = { ...makeTuningFile(await sharedGpu(), new Map()), device: "another" };
    const files: Record<string, [content: string, complaint: RegExp]> = {
      "of-another.json": [
        JSON.stringify(other),
        /^secateur: SECATEUR_TUNING=.*of-another.json: expected choices .*; unset SECATEUR_TUNING/,
      ],
      "broken.json": ['{"format": "half', /^secateur: SECATEUR_TUNING=.*broken.json: expected JSON/],
      "other.json": [
        "{}",
        /^secateur: SECATEUR_TUNING=.*other.json: expected a document of format ".*", got one without a format; unset/,
      ],
    };
    for (const [name, [content, complaint]] of Object.entries(files)) {
      const { exitCode, stderr } = await pinned(place.write(name, content), "none");
      expect([exitCode, ...ownLines(stderr)]).toEqual([2, expect.stringMatching(complaint)]);
    }
    const { exitCode, stderr } = await pinned("nofile", "none");
    const complaint =
      'secateur: SECATEUR_TUNING=nofile: expected "shipped" or a file of secateur tune --out, got none; ';
    expect([exitCode, ...ownLines(stderr)]).toEqual([2, expect.stringContaining(complaint)]);
  });
});

describe("Ctrl-C while the device works on a long batch", () => {
  const model = place.model("heavy", { embed_dim: 192, num_heads: 3, depth: 12, patch_size: 1 });
  const out = place.path("heavy-pruned");
  const work = [
    "--method",
    "taylor",
    "--sparsity",
    "0.5",
    "--rounds",
    "100000",
    "--calibration",
    data,
    "--batch",
    "24",
  ];

  /** By then the device is open; the first batch takes a software driver seconds. */
  const UNTIL_BUSY_MS = 6_000;

  it.each([
    ["once", 0],
    ["twice", 200],
  ])("%s: exit code 130, one line, nothing half-written", async (_, again) => {
    const child = spawn(process.execPath, [program, "prune", model, ...work, "--out", out], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (chunk) => {
        written[name] += chunk;
      });
    }
    const ending = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      child.on("close", (exitCode, signal) => resolve([exitCode, signal])),
    );
    await setTimeout(UNTIL_BUSY_MS);
    child.kill("SIGINT");
    if (again) {
      await setTimeout(again);
      child.kill("SIGINT");
    }
    const [exitCode, signal] = await ending;
    // As a shell has it.
    expect(exitCode ?? 128 + constants.signals[signal!]).toBe(130);
    expect(written.stdout).toBe("");
    expect(ownLines(written.stderr).filter((line) => line.startsWith("secateur:"))).toEqual([
      "secateur: interrupted; nothing is half-written",
    ]);
    // Only the state of a complete round may be there.
    const left = existsSync(out) ? readdirSync(out) : [];
    expect(left.filter((name) => name !== "state.safetensors")).toEqual([]);
    expect(readdirSync(place.folder).filter((name) => name.startsWith(".secateur"))).toEqual([]);
  });
});

/** Whether this process may make a small disk of its own. */
function mountDisk(): string | undefined {
  const disk = place.path("disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], { stdio: "ignore" });
    return disk;
  } catch {
    return undefined;
  }
}

const disk = mountDisk();
afterAll(() => {
  if (disk) execFileSync("umount", [disk]);
});

describe.skipIf(!disk)("a full disk (needs the right to mount one)", () => {
  it("is one line, exit code 2, and nothing half-written", async () => {
    const args = ["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", `${disk}/out`];
    const { exitCode, stderr } = await run(args);
    expect(ownLines(stderr)).toEqual([
      expect.stringContaining("expected a place that can be written, got a full disk"),
    ]);
    expect(exitCode).toBe(2);
    expect(readdirSync(disk!)).toEqual([]);
  });
});
