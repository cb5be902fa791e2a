/** What stands for attention in networks over paths. */
import { map as mapKernel } from "../../kernels/map.js";
import type { ForwardOptions } from "../../nn/index.js";
import { map, pathAttention, Tensor } from "../../tensor/index.js";

type AttentionOption = NonNullable<ForwardOptions["attention"]>;

/** 1 at the columns of qkv that hold some of its three parts, 0 at the others. */
export function partColumns({ gpu, shape }: Tensor, parts: readonly ("query" | "key" | "value")[]): Tensor {
  const columns = shape.at(-1)!;
  const length = columns / 3;
  const y = Tensor.empty(gpu, [columns]);
  for (const [index, part] of (["query", "key", "value"] as const).entries()) {
    mapKernel(gpu, parts.includes(part) ? "1.0" : "0.0", {}, { y, length, offset: index * length });
  }
  return y;
}

/** Attention among squared path values: by products of queries and keys, those of gated tokens times their gate. */
export const squaredAttention: AttentionOption = (qkv, attributes, _place, keyGate) => {
  if (!keyGate) return pathAttention(qkv, attributes);
  const isKey = { tensor: partColumns(qkv, ["key"]), inner: 1 };
  const inputs = { x: qkv, g: { tensor: keyGate.detach(), inner: qkv.shape.at(-1)! }, k: isKey };
  return pathAttention(map("select(x, x * g, k > 0.5)", inputs, { x: "select(1.0, g, k > 0.5)" }), attributes);
};
