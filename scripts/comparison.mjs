/**
 * `npm run docs:comparison`: prunes the demo model and LeNet-300-100 by every method, before and after training, and writes the tables of
 * `docs/comparison.md` and its plots. What `docs/comparison/results.json` holds is not measured again, so a run that was cut goes on; remove the file to
 * begin anew. `--setting before,after,lenet` and `--only px,random` measure a part, `--draw` measures nothing.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureCell, openSetting } from "./comparison/measure.mjs";
import { blocksOf, pictureOf, refreshed } from "./comparison/page.mjs";
import { isSameCell, openResults, saveResults } from "./comparison/results.mjs";
import { DENSE, METHODS, SEEDS, SETTINGS } from "./comparison/settings.mjs";
import { loadSources } from "./load-sources.mjs";

const EXPORTS = `
  export { clearMasks, createModel, evaluate, Gpu, parseModelConfig, Pruner, Trainer } from "./src/index.ts";
  export { firstOfEachClass, subset } from "./src/io/index.ts";
  export { loadModel, openDataset } from "./src/io/node/index.ts";
  export { architectureOf } from "./src/nn/index.ts";
  export { methodByName, readResult, rewind } from "./src/prune/index.ts";
  export { accuracySvg } from "./src/report/index.ts";`;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/comparison");
const page = join(root, "docs/comparison.md");
const file = join(folder, "results.json");

const PICTURES = ["before", "after"];

/** Of each setting the dense nets, then a seed after the other, so that a run that is cut leaves whole tables. */
function cellsOf(settings, methods) {
  return settings.flatMap((setting) =>
    SEEDS.flatMap((seed) => [
      { setting, method: DENSE, sparsity: 0, seed },
      ...SETTINGS[setting].sparsities.flatMap((sparsity) =>
        methods.map((method) => ({ setting, method, sparsity, seed })),
      ),
    ]),
  );
}

async function measure(library, cells) {
  const gpu = await library.Gpu.create();
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const results = openResults(file, { adapter: gpu.info.description, secateur: version, node: process.versions.node });
  const missing = cells.filter((cell) => !results.cells.some((other) => isSameCell(cell, other)));
  const opened = new Map();
  const start = performance.now();
  for (const [done, cell] of missing.entries()) {
    const { setting, method, sparsity, seed } = cell;
    if (!opened.has(setting)) opened.set(setting, await openSetting(library, gpu, setting, root));
    const measured = await measureCell(library, opened.get(setting), cell);
    results.cells.push({ ...cell, ...measured });
    saveResults(file, results);
    const each = (performance.now() - start) / (done + 1);
    const left = Math.ceil(((missing.length - done - 1) * each) / 60_000);
    console.log(
      `comparison: ${setting} ${method} ${100 * sparsity}% seed ${seed}: ${(100 * measured.top1).toFixed(1)}%, ${done + 1} of ${missing.length}, about ${left} min left`,
    );
  }
  gpu.destroy();
}

function draw(library) {
  const results = openResults(file);
  const measured = (setting) => results.cells.some((cell) => cell.setting === setting);
  for (const setting of PICTURES.filter(measured)) {
    writeFileSync(join(folder, `${setting}.svg`), library.accuracySvg(pictureOf(results, setting)));
  }
  writeFileSync(page, refreshed(readFileSync(page, "utf8"), blocksOf(results)));
}

/** @throws Error for a name that is not known */
function listed(option, known, text) {
  const names = text?.split(",") ?? known;
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw new Error(`--${option}: expected ${known.join(", ")}, got "${wrong}"; choose of these`);
  return names;
}

const { values } = parseArgs({
  options: { setting: { type: "string" }, only: { type: "string" }, draw: { type: "boolean" } },
});
const settings = listed("setting", Object.keys(SETTINGS), values.setting);
const methods = listed("only", METHODS, values.only);
mkdirSync(folder, { recursive: true });
const library = await loadSources("comparison", EXPORTS);
if (!values.draw) await measure(library, cellsOf(settings, methods));
draw(library);
