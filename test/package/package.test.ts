/** Packs the package as npm publishes it, installs it into an empty folder, and uses it there as a host would: in Node, with types, in a browser. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { embeddedChromium } from "../browser/chromium.js";

const root = resolve(import.meta.dirname, "../..");
const app = mkdtempSync(join(tmpdir(), "secateur-host-"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const run = (command: string, args: string[], cwd = app) => execFileSync(command, args, { cwd, encoding: "utf8" });
const node = (code: string) => run(process.execPath, ["--input-type=module", "--eval", code]);

const row = [0, Math.log(2), Math.log(3), Math.log(4)];
const expected = [0.1, 0.2, 0.3, 0.4].map((value) => expect.closeTo(value, 6));

let packed: string[];

beforeAll(() => {
  const [{ filename, files }] = JSON.parse(run("npm", ["pack", "--json", "--silent", "--pack-destination", app], root));
  packed = files.map((file: { path: string }) => file.path);
  writeFileSync(join(app, "package.json"), '{ "private": true, "type": "module" }\n');
  const driver = `@sparticuz/chromium@${manifest.devDependencies["@sparticuz/chromium"]}`;
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", join(app, filename), driver]);
  for (const file of ["kernel.js", "host.ts"]) copyFileSync(join(import.meta.dirname, file), join(app, file));
});

afterAll(() => rmSync(app, { recursive: true, force: true }));

test("holds what is built and the shaders, and no sources or tests", () => {
  const folders = new Set(packed.map((path) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : path)));
  expect([...folders].sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json", "shaders"]);
  expect(packed).toContain("dist/THIRD_PARTY_LICENSES");
  expect(packed.filter((path) => path.includes("peers.js"))).toEqual([]); // needs bench/, which stays in the checkout
});

test("installs webgpu and nothing beside it", () => {
  const tree = JSON.parse(run("npm", ["ls", "--json", "--depth=1"]));
  expect(Object.keys(tree.dependencies.secateur.dependencies).sort()).toEqual(["@sparticuz/chromium", "webgpu"]);
});

test.each(Object.keys(manifest.exports))("%s loads in Node and has declarations", (subpath) => {
  const specifier = subpath.replace(".", "secateur");
  expect(Number(node(`console.log(Object.keys(await import("${specifier}")).length)`))).toBeGreaterThan(0);
  expect(packed).toContain(manifest.exports[subpath].types.replace("./", ""));
});

test("runs a kernel in Node, and the process ends by itself", () => {
  const code = `import { softmaxRow } from "./kernel.js"; console.log(JSON.stringify(await softmaxRow(${JSON.stringify(row)})))`;
  expect(JSON.parse(node(code))).toEqual(expected);
});

test("kernels refuse names that they lack, where no compiler does", () => {
  const code = `import { Gpu } from "secateur"; import { softmax } from "secateur/kernels"; const gpu = await Gpu.create(); const x = gpu.allocate(4);
    try { softmax(gpu, { x, y: gpu.allocate(4), mask: x }, { rows: 1, columns: 1 }) } catch (e) { console.log(e.message) }
    gpu.destroy();`;
  expect(node(code).trim()).toBe("softmax: expected a name among x, y, got mask; correct it in the call");
});

test("has one class for each error, whatever module throws it", () => {
  const code = `import { Gpu, GpuError } from "secateur"; await Gpu.create({ kind: "none" }).catch((e) => console.log(e instanceof GpuError))`;
  expect(node(code).trim()).toBe("true");
});

test("the command starts", () => {
  expect(run("npx", ["--no-install", "secateur", "--version"]).trim()).toBe(manifest.version);
});

test.each(["bundler", "node16"])("the declarations serve a strict host under %s resolution", (moduleResolution) => {
  const module = moduleResolution === "node16" ? "node16" : "esnext";
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const lib = ["--target", "es2022", "--lib", "es2023,dom"];
  run(process.execPath, [
    tsc,
    "--noEmit",
    "--strict",
    ...lib,
    "--module",
    module,
    "--moduleResolution",
    moduleResolution,
    "host.ts",
  ]);
});

test("bundles for browsers without Node's modules, and runs a kernel there", async (context) => {
  const { metafile, outputFiles } = await build({
    absWorkingDir: app,
    entryPoints: ["kernel.js"],
    bundle: true,
    format: "esm",
    platform: "browser",
    metafile: true,
    write: false,
    outdir: "out",
  });
  const sources = Object.keys(metafile.inputs);
  expect(sources.some((path) => path.endsWith("platform.web.js"))).toBe(true);
  expect(sources.some((path) => path.endsWith("platform.node.js"))).toBe(false);
  const imported = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.filter(({ external }) => external),
  );
  expect(imported).toEqual([]);

  const launchOptions = embeddedChromium();
  if (!launchOptions) return context.skip("@sparticuz/chromium has no browser for this system");
  const page = `<!doctype html><script type="module">${outputFiles[0].text.replaceAll("</script", "<\\/script")}</script>`;
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(page));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const browser = await chromium.launch(launchOptions);
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await tab.evaluate(`softmaxRow(${JSON.stringify(row)})`)).toEqual(expected);
  } finally {
    await browser.close();
    server.close();
  }
});
