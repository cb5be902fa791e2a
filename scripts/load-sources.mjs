/** The library from its sources, for scripts that need what `dist/` does not export, such as the report. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { generate } from "./generate.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @param {string} name - of the bundle in the cache
 * @param {string} contents - exports, with paths from the root of the repository
 */
export async function loadSources(name, contents) {
  generate();
  const outfile = join(root, `node_modules/.cache/secateur/${name}.mjs`);
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    alias: { "#platform": "./src/gpu/platform.node.ts" },
    logLevel: "warning",
  });
  return import(outfile);
}
