/** Adds up what layers read and write and what lies at gates, while a forward pass computes it. */
import { mapUnits } from "../../kernels/map-units.js";
import { columnMoments, moment } from "../../kernels/moment.js";
import type { Observer } from "../../nn/index.js";
import { type Tensor, withoutHistory } from "../../tensor/index.js";
import { runObjective } from "../saliency/objective.js";
import { type Domain, domainOf, type ObservedPlace, type Statistic } from "./statistic.js";
import type { StepContext } from "./step-context.js";

const OBSERVED: readonly Statistic["kind"][] = ["input", "output", "site", "spread", "center", "moment"];

export const isObserved = ({ kind }: Statistic): boolean => OBSERVED.includes(kind);

/** Called with each activation [..., units, inner] that statistics are about. */
type Watch = (of: ObservedPlace, place: string, activation: Tensor, inner: number) => void;

const LAYERS: readonly Domain[] = ["column", "row", "matrix", "layer"];

/** An observer of layers' inputs and outputs, which cost a convolution copies, where they are needed, and of what lies at the gates of units. */
function watching({ model, space, statistics, images, needed }: StepContext, watch: Watch): Observer {
  const batch = images.shape[0];
  const unitsAt = new Map(space.groups.map(({ name, units }) => [name, units]));
  const layer: Observer["layer"] = (name, input, output) => {
    statistics.rows.set(name, input.size / input.shape.at(-1)! / batch);
    watch("input", name, input, 1);
    watch("output", name, output, 1);
  };
  return {
    layer: needed.some((statistic) => LAYERS.includes(domainOf(statistic))) ? layer : undefined,
    site: (key, activation) => {
      const units = unitsAt.get(key);
      if (units === undefined) return;
      statistics.rows.set(key, activation.size / units / batch);
      watch("site", key, activation, model.gates.places.get(key)!.inner);
    },
  };
}

/** Adds what a batch adds to every statistic of activations; undefined where none is needed. */
export function observerOf(context: StepContext): Observer | undefined {
  const { model, needed, statistics } = context;
  const observed = needed.filter(isObserved);
  if (observed.length === 0) return undefined;
  return watching(context, (of, place, x, inner) => {
    for (const statistic of observed) {
      const total = statistic.kind === of ? statistics.get(statistic, place) : undefined;
      if (!total || !("term" in statistic)) continue;
      const layout = { y: total, length: x.size, inner, period: total.size };
      mapUnits(x.gpu, statistic.term, { x: { buffer: x } }, { ...layout, reduction: "sum", accumulate: true });
    }
    addSpread(context, of, place, x, inner);
    const squared = of === "input" ? statistics.get({ kind: "moment" }, place) : undefined;
    const columns = x.shape.at(-1)!;
    if (squared) moment(model.gpu, { x, out: squared }, { rows: x.size / columns, columns });
  });
}

/** Sums of (x - center) and its square; of columns, with x read once. */
function addSpread({ statistics }: StepContext, of: ObservedPlace, place: string, x: Tensor, inner: number): void {
  const center = statistics.get({ kind: "center", of }, place);
  const sum = statistics.get({ kind: "spread", of, power: 1 }, place);
  const squares = statistics.get({ kind: "spread", of, power: 2 }, place);
  if (!center || !sum) return;
  const { size: period } = center;
  if (inner === 1 && squares) {
    columnMoments(x.gpu, { x, shift: center, sum, squares }, { rows: x.size / period, columns: period });
    return;
  }
  const inputs = { x: { buffer: x }, c: { buffer: center, inner, period } };
  const layout = { length: x.size, inner, period, reduction: "sum", accumulate: true } as const;
  mapUnits(x.gpu, "x - c", inputs, { ...layout, y: sum });
  if (squares) mapUnits(x.gpu, "(x - c) * (x - c)", inputs, { ...layout, y: squares });
}

/** Takes the means of this batch as what spreads are measured from: one forward pass. */
export function findCenters(context: StepContext): void {
  const { model, objective, needed, statistics } = context;
  if (!needed.some(({ kind }) => kind === "center")) return;
  using _activations = model.gpu.scope();
  const observer = watching(context, (of, place, x, inner) => {
    const center = statistics.get({ kind: "center", of }, place);
    if (!center) return;
    const { size: period } = center;
    const layout = { y: center, length: x.size, inner, period };
    mapUnits(x.gpu, "x * share", { x: { buffer: x }, share: period / x.size }, layout);
  });
  withoutHistory(() => void runObjective(model, objective, context, { observer }));
}
