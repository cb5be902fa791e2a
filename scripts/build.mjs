/**
 * Builds `dist/`: one ES module per entry with shared chunks, the declarations, the codecs' WebAssembly and the licences of bundled packages.
 * `npm ci` runs it in a checkout; `bundle` alone serves the tests.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundledEntries } from "./entries.mjs";
import { generate } from "./generate.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const require = createRequire(import.meta.url);

/** src/io/node/codecs.ts looks for these beside the bundle, in `codecs/`. */
const codecs = ["@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm", "@jsquash/png/codec/pkg/squoosh_png_bg.wasm"];

/** CommonJS packages `require` built-in modules, which an ES module cannot: each becomes an import. */
const builtinsAsImports = {
  name: "builtins-as-imports",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "require-call" ? { path, namespace: "builtin" } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `import builtin from "${path}"; module.exports = builtin;`,
    }));
  },
};

/** Writes the modules and removes those of earlier builds. @returns the paths of all bundled sources. */
export async function bundle() {
  generate();
  const result = await build({
    absWorkingDir: root,
    bundle: true,
    entryPoints: bundledEntries,
    outdir: dist,
    format: "esm",
    splitting: true,
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    external: ["webgpu", "#platform"],
    plugins: [builtinsAsImports],
    sourcemap: true,
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const names = new Set(result.outputFiles.map(({ path }) => basename(path)));
  mkdirSync(dist, { recursive: true });
  for (const { path, contents } of result.outputFiles) {
    writeFileSync(path, contents, { mode: basename(path) === "cli.js" ? 0o755 : 0o644 });
  }
  for (const name of readdirSync(dist)) if (/\.js(\.map)?$/.test(name) && !names.has(name)) rmSync(join(dist, name));
  for (const codec of codecs) copyCodec(codec);
  return Object.keys(result.metafile.inputs);
}

function copyCodec(specifier) {
  mkdirSync(join(dist, "codecs"), { recursive: true });
  copyFileSync(require.resolve(specifier), join(dist, "codecs", basename(specifier)));
}

function writeDeclarations() {
  const tsc = require.resolve("typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--noCheck"], { cwd: root, stdio: "inherit" });
}

/** The folder of the package that a bundled source belongs to: the last `node_modules/[@scope/]name` of its path. */
const packageOf = (source) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source)?.[0];

function licenceFiles(folder) {
  const found = [folder, join(folder, "codec")].flatMap((place) =>
    existsSync(join(root, place))
      ? readdirSync(join(root, place))
          .filter((name) => /^licen[cs]e/i.test(name))
          .map((name) => join(place, name))
      : [],
  );
  if (found.length === 0) throw new Error(`${folder}: expected a licence file of a bundled package, got none`);
  return found;
}

function writeLicences(sources) {
  const packages = [...new Set(sources.map(packageOf).filter(Boolean))].sort();
  const sections = packages.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const texts = licenceFiles(folder).map((path) => readFileSync(join(root, path), "utf8").trim());
    return `${name} ${version}\n${"=".repeat(79)}\n${texts.join("\n\n")}\n`;
  });
  writeFileSync(
    join(dist, "THIRD_PARTY_LICENSES"),
    `Packages that are part of these files.\n\n${sections.join("\n\n")}`,
  );
  return packages;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const start = performance.now();
  const sources = await bundle();
  rmSync(join(dist, "types"), { recursive: true, force: true });
  writeDeclarations();
  const packages = writeLicences(sources);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  // Not on stdout, which is the answer of `npm pack --json`.
  console.error(`build: dist/ from ${sources.length} sources with ${packages.length} bundled packages, ${seconds} s`);
}
