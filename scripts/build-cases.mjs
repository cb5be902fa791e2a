/** Lists `test/cases/*.ts` in `bench/cases.gen.ts`, so that the bundled command line can time what the tests declare. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = join(root, "bench/cases.gen.ts");

export function buildCases() {
  const names = readdirSync(join(root, "test/cases"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -3))
    .sort();
  const lines = names.map((name, index) => `import { cases as cases${index} } from "../test/cases/${name}.js";`);
  const entries = names.map((name, index) => `  "${name}": cases${index},`);
  const header = "// Made by scripts/build-cases.mjs from test/cases/*.ts. Do not edit.\n";
  const text = `${header}${lines.join("\n")}\n\nexport const benchCases = {\n${entries.join("\n")}\n};\n`;
  let old = "";
  try {
    old = readFileSync(output, "utf8");
  } catch {}
  if (old !== text) writeFileSync(output, text);
}
