import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UsageError } from "../../../src/errors.js";
import { parseModelConfig, type ViTConfig } from "../../../src/io/index.js";
import {
  checkWritableFile,
  checkWritableFolder,
  loadModel,
  loadTensors,
  saveCheckpoint,
  writeFileAtomic,
  writeFolder,
} from "../../../src/io/node/index.js";
import { numberedWeights, tinyWords } from "../helpers.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "secateur-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
const files = new Map([
  ["a.txt", "new a"],
  ["b.txt", "new b"],
]);

async function expectRefused(written: Promise<void>, message: RegExp): Promise<void> {
  await expect(written).rejects.toThrow(UsageError);
  await expect(written).rejects.toThrow(message);
  await expect(written).rejects.toThrow(/^[^\n]+: expected [^\n]+, got [^\n]+; [^\n]+$/);
}

test("a file is replaced whole; missing folders are made", async () => {
  await writeFileAtomic(join(root, "x/y/out.txt"), "first");
  await writeFileAtomic(join(root, "x/y/out.txt"), Uint8Array.of(0x32));
  expect(read("x/y/out.txt")).toBe("2");
  expect(readdirSync(join(root, "x/y"))).toEqual(["out.txt"]);
});

test("a new folder appears whole, with the permissions of any new folder", async () => {
  await writeFolder(join(root, "x/out/"), files);
  mkdirSync(join(root, "plain"));
  expect(readdirSync(join(root, "x"))).toEqual(["out"]);
  expect([read("x/out/a.txt"), read("x/out/b.txt")]).toEqual(["new a", "new b"]);
  expect(statSync(join(root, "x/out")).mode).toBe(statSync(join(root, "plain")).mode);
});

test("an existing folder keeps its other files", async () => {
  writeFileSync(join(root, "a.txt"), "old a");
  writeFileSync(join(root, "c.txt"), "old c");
  await writeFolder(root, files);
  expect(readdirSync(root).sort()).toEqual(["a.txt", "b.txt", "c.txt"]);
  expect([read("a.txt"), read("c.txt")]).toEqual(["new a", "old c"]);
});

test("a failure leaves everything as it was", async () => {
  writeFileSync(join(root, "a.txt"), "old a");
  mkdirSync(join(root, "b.txt"));
  await expectRefused(writeFolder(root, files), /b\.txt: expected a file for output, got the folder/);
  const tooLong = new Map([
    ["a.txt", "new a"],
    ["n".repeat(300), ""],
  ]);
  await expectRefused(writeFolder(root, tooLong), /got a name that is too long/);
  await expectRefused(writeFolder(join(root, "p/q"), tooLong), /p\/q: .*got a name that is too long/);
  expect(readdirSync(root).sort()).toEqual(["a.txt", "b.txt"]);
  expect(read("a.txt")).toBe("old a");
});

test("a file where a folder is to be refuses all of them", async () => {
  writeFileSync(join(root, "a.txt"), "old a");
  writeFileSync(join(root, "inner"), "");
  const nested = new Map([
    ["a.txt", "new a"],
    ["inner/b.txt", ""],
  ]);
  await expectRefused(writeFolder(root, nested), /expected .*, got/);
  expect(read("a.txt")).toBe("old a");
  expect(readdirSync(root).sort()).toEqual(["a.txt", "inner"]);
});

test("places that cannot be written are found early and leave nothing", async () => {
  writeFileSync(join(root, "file"), "");
  await checkWritableFolder(join(root, "new/deep"));
  await checkWritableFile(join(root, "new/deep/file"));
  expect(existsSync(join(root, "new"))).toBe(false);
  await expectRefused(checkWritableFolder(join(root, "file")), /expected a folder for output, got a file/);
  await expectRefused(checkWritableFolder(join(root, "file/inner")), /leads through a file|got a file/);
  await expectRefused(writeFolder(join(root, "file/inner"), files), /leads through a file/);
  await expectRefused(checkWritableFile(root), /expected a file for output, got the folder/);
  await expectRefused(writeFileAtomic(root, ""), /got a folder|got .*EISDIR/);
  expect(readdirSync(root)).toEqual(["file"]);
});

test.skipIf(!existsSync("/proc/self"))("a folder of the system that takes no files", async () => {
  await expectRefused(checkWritableFolder("/proc/secateur"), /^\/proc\/secateur: expected a place that can be written/);
});

test.skipIf(process.getuid?.() === 0 || process.platform === "win32")("a folder without permission", async () => {
  mkdirSync(join(root, "locked"), { mode: 0o500 });
  await expectRefused(checkWritableFolder(join(root, "locked/out")), /got no permission/);
});

test("process.exit in the middle, as after Ctrl-C, leaves nothing", () => {
  const module = new URL("../../../src/io/node/output.ts", import.meta.url);
  const script = `
    import { build } from "esbuild";
    const { outputFiles } = await build({ entryPoints: [${JSON.stringify(module.pathname)}], bundle: true, write: false, format: "esm", platform: "node" });
    const { writeFolder } = await import("data:text/javascript;base64," + Buffer.from(outputFiles[0].text).toString("base64"));
    const files = new Map(Array.from({ length: 50 }, (_, i) => ["f" + i, new Uint8Array(1 << 20)]));
    writeFolder(${JSON.stringify(root)}, files);
    const { existsSync, readdirSync } = await import("node:fs");
    (function poll() {
      const [staged] = readdirSync(${JSON.stringify(root)});
      if (staged && existsSync(${JSON.stringify(root)} + "/" + staged + "/f1")) process.exit(130);
      setTimeout(poll, 1);
    })();`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([130, ""]);
  expect(readdirSync(root)).toEqual([]);
});

test("a checkpoint saved and loaded again, as a folder and as a file", async () => {
  const config = parseModelConfig(tinyWords, "x") as ViTConfig;
  const checkpoint = {
    config,
    rawConfig: tinyWords,
    naming: "timm" as const,
    weights: numberedWeights(config),
    metadata: new Map<string, string>(),
  };
  await saveCheckpoint(join(root, "out"), checkpoint, new Map([["report.json", "{}"]]));
  expect(readdirSync(join(root, "out")).sort()).toEqual(["config.json", "model.safetensors", "report.json"]);
  const loaded = await loadModel(join(root, "out"));
  expect(loaded.config).toEqual(config);
  expect([...loaded.weights.keys()].sort()).toEqual([...checkpoint.weights.keys()].sort());
  expect((await loadModel(join(root, "out/model.safetensors"))).weights).toEqual(loaded.weights);
  expect((await loadTensors(join(root, "out/model.safetensors"))).tensors.get("norm.bias")?.dtype).toBe("F32");
  rmSync(join(root, "out/config.json"));
  await expect(loadModel(join(root, "out"))).rejects.toThrow(/expected config\.json beside it, got none/);
  await expect(loadModel(root)).rejects.toThrow(/expected model\.safetensors in the folder, got none/);
  await expect(loadModel(join(root, "none"))).rejects.toThrow(/got none; check the path/);
});
