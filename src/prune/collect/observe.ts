/** Adds up what layers read and write and what lies at gates, while a forward pass computes it. */
import { mapUnits } from "../../kernels/map-units.js";
import { columnMoments, moment } from "../../kernels/moment.js";
import type { Observer } from "../../nn/index.js";
import type { Tensor } from "../../tensor/index.js";
import type { Statistic } from "./statistic.js";
import type { StepContext } from "./step-context.js";

type Observed = Extract<Statistic, { kind: "input" | "output" | "site" | "moment" }>;

export const isObserved = (statistic: Statistic): statistic is Observed =>
  ["input", "output", "site", "moment"].includes(statistic.kind);

export function observerOf({ model, space, needed, statistics, images }: StepContext): Observer | undefined {
  const batch = images.shape[0];
  const observed = needed.filter(isObserved);
  if (observed.length === 0) return undefined;
  const sums = (kind: Observed["kind"], place: string): OpenSum[] =>
    observed.flatMap((statistic) => {
      const total = statistic.kind === kind ? statistics.get(statistic, place) : undefined;
      return total ? [{ term: "term" in statistic ? statistic.term : "", total }] : [];
    });
  const unitsAt = new Map(space.groups.map(({ name, units }) => [name, units]));
  return {
    layer: (name, input, output) => {
      const columns = input.shape.at(-1)!;
      const rows = input.size / columns;
      statistics.rows.set(name, rows / batch);
      addSums(input, sums("input", name), 1);
      addSums(output, sums("output", name), 1);
      for (const { total } of sums("moment", name)) moment(model.gpu, { x: input, out: total }, { rows, columns });
    },
    site: (key, activation) => {
      const units = unitsAt.get(key);
      if (units === undefined) return;
      statistics.rows.set(key, activation.size / units / batch);
      const { inner } = model.gates.places.get(key)!;
      addSums(activation, sums("site", key), inner);
    },
  };
}

/** A sum to be added to, and what of. */
interface OpenSum {
  readonly term: string;
  readonly total: Tensor;
}

/** total[u] += sum of the term over the elements x of unit u. Sums and squares of columns, as means and variances need them, read x once. */
function addSums(x: Tensor, sums: readonly OpenSum[], inner: number): void {
  const sum = sums.find(({ term }) => term === "x")?.total;
  const squares = sums.find(({ term }) => term === "x * x")?.total;
  const together = inner === 1 && sum !== undefined && squares !== undefined;
  if (together) columnMoments(x.gpu, { x, sum, squares }, { rows: x.size / sum.size, columns: sum.size });
  for (const { term, total } of sums) {
    if (together && (total === sum || total === squares)) continue;
    const layout = { y: total, length: x.size, inner, period: total.size };
    mapUnits(x.gpu, term, { x: { buffer: x } }, { ...layout, reduction: "sum", accumulate: true });
  }
}
