import { ShapeError } from "../../errors.js";
import { embeddingGrad, embedding as embeddingKernel } from "../../kernels/embedding.js";
import { defineOp } from "../op.js";
import { Tensor } from "../tensor.js";

function sizeOfLookup(table: Tensor, ids: Tensor) {
  const [rows, width] = table.shape;
  if (table.shape.length !== 2 || ids.type !== "u32") {
    throw new ShapeError(
      `embedding: expected a table [rows, width] and u32 ids, got [${table.shape}] and ${ids.type} [${ids.shape}]`,
    );
  }
  return { rows, width, count: ids.size };
}

const lookUp = defineOp({
  name: "embedding",
  forward(gpu, { table }: { table: Tensor }, ids: Tensor) {
    const size = sizeOfLookup(table, ids);
    const out = Tensor.empty(gpu, [...ids.shape, size.width]);
    embeddingKernel(gpu, { table, ids, y: out }, size);
    return { out, saved: undefined };
  },
  backward({ gpu, inputs: { table }, attributes: ids, gradient }) {
    const dTable = Tensor.empty(gpu, table.shape);
    embeddingGrad(gpu, { ids, dy: gradient, dTable }, sizeOfLookup(table, ids));
    return { table: dTable };
  },
  tangent: "linear",
});

/** Rows of a table by their numbers: table [rows, width], ids u32 [...], each below `rows`; result [..., width]. @throws ShapeError */
export const embedding = (table: Tensor, ids: Tensor): Tensor => lookUp({ table }, ids);
