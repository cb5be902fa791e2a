/** Adds up what layers read and write and what lies at gates, while a forward pass computes it. */
import { mapUnits } from "../../kernels/map-units.js";
import { moment } from "../../kernels/moment.js";
import type { Observer } from "../../nn/index.js";
import type { Tensor } from "../../tensor/index.js";
import type { StepContext } from "./passes.js";
import type { Statistic } from "./statistic.js";

type Observed = Extract<Statistic, { kind: "input" | "output" | "site" | "moment" }>;

export const isObserved = (statistic: Statistic): statistic is Observed =>
  ["input", "output", "site", "moment"].includes(statistic.kind);

export function observerOf({ model, space, needed, statistics, images }: StepContext): Observer {
  const batch = images.shape[0];
  const observed = needed.filter(isObserved);
  const sums = (kind: Observed["kind"], place: string) =>
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
      for (const { term, total } of sums("input", name)) addByUnit(term, input, total, 1);
      for (const { term, total } of sums("output", name)) addByUnit(term, output, total, 1);
      for (const { total } of sums("moment", name)) moment(model.gpu, { x: input, out: total }, { rows, columns });
    },
    site: (key, activation) => {
      const units = unitsAt.get(key);
      if (units === undefined) return;
      statistics.rows.set(key, activation.size / units / batch);
      const { inner } = model.gates.places.get(key)!;
      for (const { term, total } of sums("site", key)) addByUnit(term, activation, total, inner);
    },
  };
}

/** total[u] += sum of the term over the elements x of unit u. */
function addByUnit(term: string, x: Tensor, total: Tensor, inner: number): void {
  const layout = { y: total, length: x.size, inner, period: total.size };
  mapUnits(x.gpu, term, { x: { buffer: x } }, { ...layout, reduction: "sum", accumulate: true });
}
