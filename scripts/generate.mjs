/** Writes the git-ignored modules that sources import: `npm run generate`. Building, testing and checking do so by themselves. */
import { fileURLToPath } from "node:url";
import { buildCases } from "./build-cases.mjs";
import { buildNames } from "./build-names.mjs";
import { buildShaders } from "./build-shaders.mjs";

export function generate() {
  buildCases();
  const kernels = buildShaders();
  buildNames();
  return kernels;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`generate: ${generate()} kernels`);
