import type { LayerDensity, Measure, Run } from "./types.js";

/** Number of kept entries of a 0/1 mask. */
export function countKept(mask: Uint8Array): number {
  let kept = 0;
  for (const bit of mask) kept += bit === 0 ? 0 : 1;
  return kept;
}

/**
 * Describes how dense one weight is, and reads its place from its name: `blocks.3.attn.qkv.weight` has the group
 * `blocks.3` and the kind `qkv`; `patch_embed.proj.weight` and `head.weight` are groups of their own.
 *
 * @param kept entries of the weight that are not masked
 * @param flops FLOPs per image of the dense layer
 */
export function layerDensity(
  name: string,
  shape: readonly number[],
  kept: number,
  flops: Measure = null,
): LayerDensity {
  const path = name.replace(/\.weight$/, "").split(".");
  const isNumber = (part: string) => /^\d+$/.test(part);
  // A number at the end counts within a block, such as `blocks.3.shortcut.0`, unless it is the only one.
  const within = path.slice(0, -1).findLastIndex(isNumber);
  const index = within < 0 ? path.findLastIndex(isNumber) : within;
  const group = index < 0 ? path[0] : path.slice(0, index + 1).join(".");
  const inner = path.slice(index + 1);
  const kind = index < 0 ? path[0] : (inner.findLast((part) => !isNumber(part)) ?? path[index - 1] ?? path[0]);
  const total = shape.reduce((product, size) => product * size, 1);
  return { name, group, kind, shape, total, kept, flops };
}

/** Parameters of a model that no mask removes, biases of removed units included. */
export function keptParameters(parameters: Measure, masks: Iterable<{ readonly data: Uint8Array }>): Measure {
  let kept = parameters;
  if (kept !== null) for (const { data } of masks) kept -= data.length - countKept(data);
  return kept;
}

/** FLOPs of a model that remain when only the kept weights of `layers` count. */
export function keptFlops(flops: Measure, layers: readonly LayerDensity[]): Measure {
  let kept = flops;
  for (const layer of layers) {
    const removed = layer.total - layer.kept;
    if (removed === 0) continue;
    kept = kept === null || layer.flops === null ? null : kept - layer.flops * (removed / layer.total);
  }
  return kept === null ? null : Math.round(kept);
}

/** Weights kept in all layers together, of how many. */
export function overallDensity(layers: readonly LayerDensity[]): { kept: number; total: number; density: Measure } {
  let kept = 0;
  let total = 0;
  for (const layer of layers) {
    kept += layer.kept;
    total += layer.total;
  }
  return { kept, total, density: total === 0 ? null : kept / total };
}

/** Half a percent of the units: what rounding to whole ones comes to, and nobody misses. */
const NEGLIGIBLE = 0.005;

/** Part of the units that the last round removed, or without rounds of the layers' weights; the part that was asked for where they agree. */
export function removedPart({ sparsity, rounds, layers }: Pick<Run, "sparsity" | "rounds" | "layers">): Measure {
  const last = rounds.at(-1);
  const density = last ? last.kept / last.total : overallDensity(layers).density;
  const measured = density === null ? sparsity : 1 - density;
  return Math.abs(measured - sparsity) > NEGLIGIBLE ? measured : sparsity;
}
