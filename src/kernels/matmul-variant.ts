/** Which matmul kernel runs: the one place that knows which device and shape likes which. */
import type { AdapterSummary } from "../gpu/info.js";
import type { MatmulOrder, MatmulSize } from "./matmul.js";

/**
 * `tile`: 64 x 64 tiles in workgroup memory, any device and shape. `split`: the same with the sum over k cut into chunks, for outputs of so few
 * tiles that a GPU would idle.
 */
export type MatmulVariant = "tile" | "split";

const TILE = 64;
/** A GPU with fewer workgroups than this in flight idles; more partial products than needed only cost memory traffic. */
const WANTED_GROUPS = 256;
const SHORTEST_CHUNK = 128;
const DEPTH = 16;

/** Workgroups of the tile kernel, before splitting. */
export const tileCount = ({ m, n, batch = 1 }: MatmulSize) => Math.ceil(m / TILE) * Math.ceil(n / TILE) * batch;

/** How `split` cuts k: `splits` chunks of `chunk`, a multiple of the kernel's DEPTH. */
export function splitK(size: MatmulSize): { splits: number; chunk: number } {
  const wanted = Math.ceil(WANTED_GROUPS / tileCount(size));
  const possible = Math.max(1, Math.floor(size.k / SHORTEST_CHUNK));
  const chunk = Math.ceil(size.k / Math.min(wanted, possible) / DEPTH) * DEPTH;
  return { splits: Math.ceil(size.k / chunk), chunk };
}

export function chooseVariant({ software }: AdapterSummary, _order: MatmulOrder, size: MatmulSize): MatmulVariant {
  return !software && splitK(size).splits > 1 ? "split" : "tile";
}
