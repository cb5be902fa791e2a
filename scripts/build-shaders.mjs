/**
 * Turns every `shaders/*.wgsl` into a typed record in `src/kernels/shaders.gen.ts`: the text with its imports expanded, and the names of its
 * bindings, Params fields and tuning constants. The WGSL stays the only source; a misspelt name in TypeScript is a compile error. The shared
 * fragments are in `src/kernels/fragments.gen.ts`, for kernels that are made at run time. The parser is the library's own.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const shaderDir = join(root, "shaders");

const parser = join(root, "src/gpu/wgsl.ts");
const [compiled] = buildSync({ entryPoints: [parser], bundle: true, format: "esm", write: false }).outputFiles;
const { shaderFromWgsl } = await import(`data:text/javascript,${encodeURIComponent(compiled.text)}`);

/** Name and text of the WGSL files in a folder. */
function readWgsl(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
  return files.sort().map((file) => [basename(file, ".wgsl"), readFileSync(join(folder, file), "utf8")]);
}

function writeModule(file, lines) {
  const path = join(root, "src/kernels", file);
  const text = `// Made by scripts/build-shaders.mjs from shaders/. Do not edit.\n${lines.join("\n")}\n`;
  let old = "";
  try {
    old = readFileSync(path, "utf8");
  } catch {}
  if (old !== text) writeFileSync(path, text);
}

export function buildShaders() {
  const fragments = readWgsl(join(shaderDir, "shared"));
  const records = readWgsl(shaderDir).map(([name, text]) => {
    const record = JSON.stringify(
      { ...shaderFromWgsl(name, text, Object.fromEntries(fragments)), closed: undefined },
      null,
      2,
    );
    return `\n/** shaders/${name}.wgsl */\nexport const ${name} = ${record} as const satisfies ShaderSource;`;
  });
  writeModule("shaders.gen.ts", ['import type { ShaderSource } from "../gpu/shader.js";', ...records]);
  writeModule(
    "fragments.gen.ts",
    fragments.map(
      ([name, text]) => `\n/** shaders/shared/${name}.wgsl */\nexport const ${name} = ${JSON.stringify(text)};`,
    ),
  );
  return records.length;
}
