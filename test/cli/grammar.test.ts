import { describe, expect, it } from "vitest";
import { type CliResult, cli, noGpu } from "./harness.js";

const COMMANDS = [
  "prune",
  "saliency",
  "shapes",
  "eval",
  "train",
  "finetune",
  "info",
  "export",
  "doctor",
  "bench",
  "tune",
  "demo",
];
const run = (...args: string[]): Promise<CliResult> => cli(args, { openGpu: noGpu });

describe("help", () => {
  it("lists every command", async () => {
    const { exitCode, stdout, stderr } = await run("--help");
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
  });

  it.each(COMMANDS)("%s --help shows its options and one example", async (command) => {
    const { exitCode, stdout } = await run(command, "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("--json");
    expect(stdout.match(new RegExp(`\\$ secateur ${command}`, "g"))).toHaveLength(1);
  });

  it("tells what prune's options take, and which methods want many rounds", async () => {
    const text = (await run("prune", "--help")).stdout.replace(/\s+/g, " ");
    expect(text).toContain("prune these too, with commas between them: embedding, classifier, norms, biases");
    expect(text).toContain("synflow, synflow-l2, px, ntk-sap want many, such as 100");
    expect(text).toContain("follow the method's authors to the letter: their scores, objective and protected layers");
  });

  it("prints help and fails without a command", async () => {
    const { exitCode, stdout } = await run();
    expect(exitCode).toBe(2);
    expect(stdout).toContain("Usage: secateur");
  });

  it("prints the version of the package", async () => {
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

const prune = (...args: string[]) => [
  "prune",
  "m",
  "--method",
  "magnitude",
  "--sparsity",
  "0.5",
  "--out",
  "o",
  ...args,
];

const refused: [expected: string, args: string[]][] = [
  ["unknown command 'prnue' (Did you mean prune?)", ["prnue"]],
  ["unknown option '--sparsty' (Did you mean --sparsity?)", ["prune", "m", "--sparsty", "0.5"]],
  ["missing required argument 'model'", ["info"]],
  ["expected --method <name>, got none", ["prune", "m"]],
  ["expected --out <folder>, got none", ["train", "m", "--data", "d"]],
  ["sparsity: expected the part to remove, at least 0 and below 1, got 1.5", prune("--sparsity", "1.5")],
  ["sparsity: expected the part to remove, at least 0 and below 1, got 1", prune("--sparsity", "1")],
  ['sparsity: expected a number, got "half"', prune("--sparsity", "half")],
  ["method: expected random, magnitude, magnitude-l2", prune("--method", "obliterate")],
  ["granularity: expected weight, row, head, neuron, headDim,", prune("--granularity", "blocks")],
  ["granularity: expected head, neuron, headDim,", prune("--granularity", "head,weight")],
  ["sparsity: expected either --sparsity or --pattern, got both", prune("--pattern", "2:4")],
  ["movement: expected a criterion that needs no training", prune("--method", "movement")],
  ["schedule: expected one-shot, linear, exponential, cosine, cubic", prune("--schedule", "soon")],
  ["scope: expected global, layer, row", prune("--scope", "all")],
  ["include: expected embedding, classifier, norms, biases", prune("--include", "embedding,tokens")],
  ['rounds: expected a whole number, at least 1, at most 2147483647, got "0"', prune("--rounds", "0")],
  ['batch: expected a whole number, at least 1, at most 2147483647, got "1.5"', prune("--batch", "1.5")],
  ['seed: expected a whole number, at least 0, at most 4294967295, got "-1"', prune("--seed=-1")],
  ["schedule: expected one round for one-shot", prune("--rounds", "3", "--schedule", "one-shot")],
  ["round-to: expected --compact", prune("--round-to", "8")],
  ["taylor: expected calibration data, got none", prune("--method", "taylor")],
  ['filter: expected a regular expression, got "("', ["bench", "--filter", "("]],
  ["fisher: expected calibration data, got none", ["saliency", "m", "--criterion", "fisher", "--out", "f"]],
];

describe("bad arguments", () => {
  it.each(refused)("%s", async (expected, args) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/^secateur: [^\n]+\n$/);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });

  it.each([
    ["method", prune("--method", "moment")],
    ["criterion", ["saliency", "m", "--criterion", "moment", "--out", "f"]],
  ])("offers no %s that the command refuses", async (option, args) => {
    const { stderr } = await run(...args);
    expect(stderr).toContain(`${option}: expected random, `);
    expect(stderr).toContain('got "moment"; choose one');
    expect(stderr).not.toContain("movement");
  });

  it("says with --json what failed, in one document", async () => {
    const { exitCode, stdout, stderr } = await run("info", "nowhere", "--json");
    expect(exitCode).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error).toBe("nowhere: expected a file or folder, got none; check the path");
    expect(stderr).toBe(`secateur: ${error}\n`);
  });
});
