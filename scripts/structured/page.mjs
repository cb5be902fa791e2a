/** What `docs/structured.md` shows, from results alone: a table for each kind of units, and two pictures. */
import { METHODS, SPARSITIES, UNITS } from "./settings.mjs";

const DASH = "–";
const percent = (share) => `${(100 * share).toFixed(2)}`;
const count = (number) => number.toLocaleString("en-US");
const line = (columns) => `| ${columns.join(" | ")} |`;

const found = ({ cells }, units, method, sparsity) =>
  cells.find((cell) => cell.units === units && cell.method === method && cell.sparsity === sparsity);

const methodsOf = (results, units) =>
  METHODS.filter((method) => SPARSITIES.some((sparsity) => found(results, units, method, sparsity)));

/** Top-1 among all classes, and in brackets among the ten of the images. */
const accuracy = ({ top1, amongTen }) => `${percent(top1)} (${percent(amongTen)})`;

function table(results, units) {
  const columns = SPARSITIES.flatMap((sparsity) => [`${100 * sparsity}%, as cut`, "finetuned"]);
  const rows = methodsOf(results, units).map((method) => [
    method,
    ...SPARSITIES.flatMap((sparsity) => {
      const cell = found(results, units, method, sparsity);
      return cell ? [accuracy(cell.pruned), accuracy(cell.finetuned)] : [DASH, DASH];
    }),
  ]);
  const head = ["method", ...columns];
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** Contents of the page's marked blocks, by name. */
export function blocksOf(results) {
  const { adapter, dense, EXAMPLES_PER_CLASS, FINETUNING, SEARCH, SEARCH_INTERVAL } = results;
  const conditions = [
    `Dense: **${percent(dense.top1)}** top-1 among 1,000 classes, ${percent(dense.amongTen)} among the ten of the images; ${count(dense.parameters)} parameters, ${count(dense.blocks)} of them in blocks.`,
    `Measured on ${adapter}. Finetuning: ${FINETUNING.epochs} epochs of the ${10 * EXAMPLES_PER_CLASS} images in batches of ${FINETUNING.batchSize}, at a peak learning rate of ${FINETUNING.learningRate}.`,
    `UPop searches for ${SEARCH.epochs} epochs of the same images at ${SEARCH.learningRate}, with an update each ${SEARCH_INTERVAL} steps, so its weights have trained before they are cut.`,
  ].join("\n");
  const tables = Object.keys(UNITS).filter((units) => methodsOf(results, units).length > 0);
  return { conditions, ...Object.fromEntries(tables.map((units) => [units, table(results, units)])) };
}

const pointsOf = (results, units, method, stage) =>
  SPARSITIES.flatMap((sparsity) => {
    const cell = found(results, units, method, sparsity);
    return cell ? [{ sparsity, mean: cell[stage].top1, spread: 0 }] : [];
  });

const NOTE = "top-1 among 1,000 classes, 400 images, by the part of the block parameters that went; tuned: finetuned";

/** Accuracy over the part of the block parameters that goes, as cut and finetuned, by method. */
export function pictureOfMethods(results) {
  const series = methodsOf(results, "both").flatMap((method) =>
    ["pruned", "finetuned"].map((stage) => ({
      name: stage === "pruned" ? method : `${method}, tuned`,
      points: pointsOf(results, "both", method, stage),
    })),
  );
  return { title: "DeiT-tiny without some neurons and head dimensions", note: NOTE, series, dense: results.dense.top1 };
}

/** The same by kind of units, as gate Taylor removes them. */
export function pictureOfUnits(results) {
  const series = Object.entries(UNITS)
    .filter(([units]) => units !== "both" && methodsOf(results, units).includes("gate-taylor"))
    .flatMap(([units, { title }]) =>
      ["pruned", "finetuned"].map((stage) => ({
        name: stage === "pruned" ? title : `${title}, tuned`,
        points: pointsOf(results, units, "gate-taylor", stage),
      })),
    );
  return { title: "DeiT-tiny by what gate Taylor removes", note: NOTE, series, dense: results.dense.top1 };
}
