/**
 * `npm run docs:structured -- --model DEIT --data IMAGES`: removes neurons, heads and head dimensions of DeiT-tiny by gate Taylor, UPop and at random, with
 * and without finetuning, and writes the tables of `docs/structured.md` and its plot. What `docs/structured/results.json` holds is not measured again, so
 * a run that was cut goes on; remove the file to begin anew. Without --model and --data it only draws.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { refreshed } from "./comparison/page.mjs";
import { loadSources } from "./load-sources.mjs";
import { measureCell, measureDense, openBench } from "./structured/measure.mjs";
import { blocksOf, pictureOfMethods, pictureOfUnits } from "./structured/page.mjs";
import * as settings from "./structured/settings.mjs";

const EXPORTS = `
  export { clearMasks, createModel, evaluate, Gpu, Pruner, Trainer } from "./src/index.ts";
  export { firstOfEachClass, subset } from "./src/io/index.ts";
  export { loadModel, openDataset } from "./src/io/node/index.ts";
  export { compact, criterionByName, gateTaylor, rewind, runSearch, unitSpace, upop } from "./src/prune/index.ts";
  export { accuracySvg } from "./src/report/index.ts";`;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/structured");
const page = join(root, "docs/structured.md");
const file = join(folder, "results.json");

/** One cell a line. */
function save({ cells, ...head }) {
  const lines = cells.map((cell) => `    ${JSON.stringify(cell)}`);
  const text = `${JSON.stringify(head, null, 2).replace(/\n}$/, "")},\n  "cells": [\n${lines.join(",\n")}\n  ]\n}\n`;
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

const isSame = (a, b) => a.units === b.units && a.method === b.method && a.sparsity === b.sparsity;

async function measure(library, places) {
  const gpu = await library.Gpu.create();
  const bench = await openBench(library, gpu, places);
  const { cells: listCells, ...conditions } = settings;
  const results = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : { adapter: gpu.info.description, ...conditions, dense: await measureDense(library, bench), cells: [] };
  const missing = listCells().filter((cell) => !results.cells.some((other) => isSame(cell, other)));
  const start = performance.now();
  for (const [done, cell] of missing.entries()) {
    const measured = await measureCell(library, bench, cell);
    results.cells.push({ ...cell, ...measured });
    save(results);
    const left = Math.ceil(((missing.length - done - 1) * (performance.now() - start)) / (done + 1) / 60_000);
    const { pruned, finetuned } = measured;
    console.log(
      `structured: ${cell.units} ${cell.method} ${100 * cell.sparsity}%: ${(100 * pruned.top1).toFixed(2)}%, finetuned ${(100 * finetuned.top1).toFixed(2)}%; ${done + 1} of ${missing.length}, about ${left} min left`,
    );
  }
  gpu.destroy();
}

/** What is measured so far. Blocks of the page that have no results yet stay as they are. */
function draw(library) {
  const results = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(join(folder, "accuracy.svg"), library.accuracySvg(pictureOfMethods(results)));
  writeFileSync(join(folder, "units.svg"), library.accuracySvg(pictureOfUnits(results)));
  writeFileSync(page, refreshed(readFileSync(page, "utf8"), blocksOf(results)));
}

const { values } = parseArgs({ options: { model: { type: "string" }, data: { type: "string" } } });
mkdirSync(folder, { recursive: true });
const library = await loadSources("structured", EXPORTS);
if (values.model && values.data) await measure(library, { model: values.model, data: values.data });
draw(library);
