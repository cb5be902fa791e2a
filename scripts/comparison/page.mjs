/** What the page shows, from results alone: tables, sentences on how they were measured, and what the pictures are drawn from. */
import { DENSE } from "./settings.mjs";

const DASH = "–";

const percent = (share) => (100 * share).toFixed(1);
const points = (difference) => `${difference < 0 ? "−" : "+"}${Math.abs(100 * difference).toFixed(1)}`;
const share = (sparsity) => `${Number((100 * sparsity).toFixed(1))}%`;
const count = (number) => number.toLocaleString("en-US");

/** Mean and sample standard deviation (n - 1) of a field over the seeds of a cell; undefined where none was measured. */
export function statistics(results, { setting, method, sparsity }, field = "top1") {
  const values = results.cells
    .filter((cell) => cell.setting === setting && cell.method === method && cell.sparsity === sparsity)
    .map((cell) => cell[field]);
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, values };
}

const text = (found) => (found ? `${percent(found.mean)} ± ${percent(found.spread)}` : DASH);

/** Methods that were measured, in the order of the settings. */
function methodsOf({ methods, cells }, setting) {
  const measured = new Set(cells.filter((cell) => cell.setting === setting).map(({ method }) => method));
  return methods.filter((method) => measured.has(method));
}

function table(head, rows) {
  const line = (columns) => `| ${columns.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** A row a method, a column a sparsity; the best of each column is bold. */
export function accuracyTable(results, setting, field = "top1") {
  const { sparsities } = results.settings[setting];
  const rows = methodsOf(results, setting).map((method) => ({
    method,
    found: sparsities.map((sparsity) => statistics(results, { setting, method, sparsity }, field)),
  }));
  const best = sparsities.map((_, column) => Math.max(...rows.map(({ found }) => found[column]?.mean ?? 0)));
  const cell = (found, column) => (found?.mean === best[column] ? `**${text(found)}**` : text(found));
  return table(
    ["method", ...sparsities.map(share)],
    rows.map(({ method, found }) => [method, ...found.map(cell)]),
  );
}

/** Of a setting with one sparsity: each seed, and how far a method is over random pruning and PX over it. */
export function marginTable(results, setting) {
  const [sparsity] = results.settings[setting].sparsities;
  const of = (method) => statistics(results, { setting, method, sparsity });
  const margin = (method, other) => (method && other && method !== other ? points(method.mean - other.mean) : DASH);
  const [random, px] = ["random", "px"].map(of);
  const rows = methodsOf(results, setting)
    .map((method) => ({ method, found: of(method) }))
    .sort((a, b) => b.found.mean - a.found.mean);
  return table(
    ["method", "mean", ...results.seeds.map((seed) => `seed ${seed}`), "over random", "PX over it"],
    rows.map(({ method, found }) => [
      method,
      text(found),
      ...results.seeds.map((_, index) => (found.values[index] === undefined ? DASH : percent(found.values[index]))),
      method === "random" ? DASH : margin(found, random),
      method === "px" ? DASH : margin(px, found),
    ]),
  );
}

/** Methods that left layers without a weight, and how many by sparsity: means over the seeds. */
export function emptiedText(results, setting) {
  const { sparsities } = results.settings[setting];
  const emptied = methodsOf(results, setting).flatMap((method) => {
    const counts = sparsities.flatMap((sparsity) => {
      const { mean } = statistics(results, { setting, method, sparsity }, "emptied") ?? { mean: 0 };
      return mean > 0 ? [`${Number(mean.toFixed(1))} at ${share(sparsity)}`] : [];
    });
    return counts.length > 0 ? [`${method} ${counts.join(", ")}`] : [];
  });
  return `Layers left without a weight: ${emptied.length > 0 ? emptied.join("; ") : "none"}.`;
}

/** What the dense nets reach. */
export const denseText = (results, setting, field) =>
  text(statistics(results, { setting, method: DENSE, sparsity: 0 }, field));

function conditions(results, setting) {
  const { training, rounds, testImages } = results.settings[setting];
  const { images, epochs, batchSize, learningRate } = training;
  const steps = Math.round(Math.floor(images / batchSize) * epochs);
  const length = `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
  const many = Object.entries(rounds).map(([method, value]) => `${method} ${value}`);
  return [
    `${count(images)} training images, ${length} in batches of ${batchSize}: ${count(steps)} steps at a peak learning rate of ${learningRate}.`,
    `Rounds: ${many.join(", ")}, others 1. ${count(testImages)} test images. Dense: **${denseText(results, setting)}**.`,
  ].join("\n");
}

function environment({ environment: { adapter, secateur, node }, calibration, seeds }) {
  return [
    `Measured on ${adapter}, Secateur ${secateur}, Node ${node}, with seeds ${seeds.join(", ")}. Calibration takes the first ${calibration.examplesPerClass} training images of`,
    `each class, in batches of ${calibration.batchSize}.`,
  ].join("\n");
}

/** Contents of the page's marked blocks, by name. */
export function blocksOf(results) {
  return {
    environment: environment(results),
    before: `${conditions(results, "before")}\n\n${accuracyTable(results, "before")}\n\n${emptiedText(results, "before")}`,
    "after-pruned": `Dense: **${denseText(results, "after", "pruned")}**.\n\n${accuracyTable(results, "after", "pruned")}`,
    after: `${conditions(results, "after")}\n\n${accuracyTable(results, "after")}\n\n${emptiedText(results, "after")}`,
    lenet: `${conditions(results, "lenet")}\n\n${marginTable(results, "lenet")}`,
  };
}

/** The page with what stands between `<!-- name -->` and `<!-- /name -->` written anew. @throws Error where a block has no place. */
export function refreshed(page, blocks) {
  return Object.entries(blocks).reduce((all, [name, content]) => {
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!place.test(all)) throw new Error(`page: expected <!-- ${name} --> and its end, got none; add them`);
    return all.replace(place, (_, begin, end) => `${begin}${content}\n${end}`);
  }, page);
}

/** What the picture of a setting shows. */
export function pictureOf(results, setting) {
  const { title, sparsities, training, testImages } = results.settings[setting];
  const verb = setting === "after" ? "finetuned" : "trained";
  const series = methodsOf(results, setting).map((method) => ({
    name: method,
    points: sparsities.flatMap((sparsity) => {
      const found = statistics(results, { setting, method, sparsity });
      return found ? [{ sparsity, mean: found.mean, spread: found.spread }] : [];
    }),
  }));
  return {
    title: `${title}: accuracy of the digits model by sparsity`,
    note: `demo/digits, ${verb} on ${count(training.images)} images; mean and standard deviation of ${results.seeds.length} seeds, ${count(testImages)} test images`,
    series,
    dense: statistics(results, { setting, method: DENSE, sparsity: 0 }).mean,
  };
}
