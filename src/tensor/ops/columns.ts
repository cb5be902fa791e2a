import { ShapeError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import { NONE } from "../../kernels/none.js";
import { placeColumns } from "../../kernels/place-columns.js";
import { defineOp } from "../op.js";
import { storageOf, Tensor } from "../tensor.js";

/** Some columns of wider rows: which they are, on the device, both ways. */
export class ColumnMap {
  readonly #taken: Tensor;
  readonly #spread: Tensor;

  /** @param columns - ascending, each below `width`. */
  constructor(
    readonly gpu: Gpu,
    readonly columns: readonly number[],
    /** Columns of the wider rows. */
    readonly width: number,
  ) {
    const spread = new Uint32Array(width).fill(NONE);
    for (const [index, column] of columns.entries()) spread[column] = index;
    this.#taken = Tensor.from(gpu, Uint32Array.from(columns));
    this.#spread = Tensor.from(gpu, spread);
  }

  /** For each column of the result the one of the operand. */
  source(spreads: boolean): Tensor {
    return spreads ? this.#spread : this.#taken;
  }

  /** Gives the memory back. */
  release(): void {
    this.gpu.release(this.#taken);
    this.gpu.release(this.#spread);
  }
}

/** The mapping, and whether it is used from few columns to many. */
interface Placement {
  readonly map: ColumnMap;
  readonly spreads: boolean;
}

/** The result of `takeColumns` or `spreadColumns` without history. @throws ShapeError */
export function placedColumns(gpu: Gpu, x: Tensor, { map, spreads }: Placement): Tensor {
  const { columns, width } = map;
  const [from, to] = spreads ? [columns.length, width] : [width, columns.length];
  if (x.shape.at(-1) !== from) {
    const op = spreads ? "spreadColumns" : "takeColumns";
    throw new ShapeError(`${op}: expected rows of ${from}, got [${x.shape}]; use the map of these rows`);
  }
  const y = Tensor.empty(gpu, [...x.shape.slice(0, -1), to], x.type);
  placeColumns(gpu, { x, source: map.source(spreads), y }, { rows: x.size / from, from, to }, storageOf(x));
  return y;
}

const place = defineOp({
  name: "placeColumns",
  float16: ["x"],
  forward: (gpu, { x }: { x: Tensor }, placement: Placement) => ({
    out: placedColumns(gpu, x, placement),
    saved: undefined,
  }),
  backward: ({ gpu, attributes: { map, spreads }, gradient }) => ({
    x: placedColumns(gpu, gradient, { map, spreads: !spreads }),
  }),
  tangent: "linear",
});

/** The columns of a map out of rows: [..., width] -> [..., columns]. @throws ShapeError */
export const takeColumns = (x: Tensor, map: ColumnMap): Tensor => place({ x }, { map, spreads: false });

/** Rows of a map's columns among zeros: [..., columns] -> [..., width]. @throws ShapeError */
export const spreadColumns = (x: Tensor, map: ColumnMap): Tensor => place({ x }, { map, spreads: true });
