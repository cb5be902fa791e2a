/** Networks of the same size in other shapes: all blocks with less of their width, or fewer blocks with more of it. */
import { UsageError } from "../errors.js";
import type { ModelConfig } from "../io/config.js";
import type { Model } from "../nn/index.js";
import { compact, type HostModel } from "./compact/index.js";
import { applyKept } from "./masks/apply-kept.js";
import { clearMasks } from "./masks/masks.js";
import { partOf } from "./select-counts.js";
import { type PlacedGroup, type UnitSpace, unitSpace } from "./units.js";

/** One score a unit, by group. */
export type UnitScores = ReadonlyMap<string, Float32Array>;

/** A number of blocks, and what each of them keeps. */
export interface Shape {
  readonly depth: number;
  /** Dimensions of each head. */
  readonly headDim: number;
  /** Of each block. */
  readonly neurons: number;
  /** Of all blocks that stay. */
  readonly parameters: number;
  /** Part of a block's parameters that each block that stays keeps. */
  readonly width: number;
}

/** Blocks, their head dimensions and their neurons as units. @throws UsageError for a model without blocks, or with blocks that differ. */
export function shapeUnits(model: Model): UnitSpace {
  const space = unitSpace(model, ["block", "headDim", "neuron"]);
  for (const kind of ["block", "attn.headDim", "mlp.neuron"]) {
    const groups = ofKind(space, kind);
    const differ = groups.some(
      ({ units, cost }) => units !== groups[0].units || cost.parameters !== groups[0].cost.parameters,
    );
    if (groups.length === ofKind(space, "block").length && !differ) continue;
    throw new UsageError(
      "shapes: expected a ViT with blocks of one size, got one that was cut; start from the dense model",
    );
  }
  return space;
}

const ofKind = ({ groups }: UnitSpace, kind: string): PlacedGroup[] =>
  groups.filter(({ name }) => new RegExp(`^blocks\\.\\d+\\.${kind.replace(".", "\\.")}$`).test(name));

/**
 * The shapes that remove this part of the blocks' parameters, and no more than a neuron of each block beyond: for each depth, the width that is left for it,
 * the deepest first. Head dimensions and neurons are cut in proportion.
 *
 * @param multipleOf - neurons of a block are a multiple of so many, the next lower one
 * @throws UsageError when so little is left that no block has a neuron.
 */
export function shapesOfSize(space: UnitSpace, sparsity: number, multipleOf = 1): Shape[] {
  const [block, headDim, neuron] = ["block", "attn.headDim", "mlp.neuron"].map((kind) => ofKind(space, kind)[0]);
  const total = block.cost.parameters;
  const fixed = total - headDim.units * headDim.cost.parameters - neuron.units * neuron.cost.parameters;
  const deepest = ofKind(space, "block").length;
  const budget = deepest * total - partOf(deepest * total, sparsity);
  const shapes: Shape[] = [];
  for (let depth = deepest; depth * total >= budget; depth--) {
    const allowance = Math.floor(budget / depth);
    const part = (allowance - fixed) / (total - fixed);
    const dims = Math.min(headDim.units, Math.max(1, Math.round(part * headDim.units)));
    const rest = allowance - fixed - dims * headDim.cost.parameters;
    const most = Math.floor(rest / (neuron.cost.parameters * multipleOf)) * multipleOf;
    const neurons = Math.min(neuron.units, most);
    if (neurons < 1) continue;
    const each = fixed + dims * headDim.cost.parameters + neurons * neuron.cost.parameters;
    shapes.push({ depth, headDim: dims, neurons, parameters: depth * each, width: each / total });
  }
  if (shapes.length > 0) return shapes;
  throw new UsageError(
    `sparsity: expected one that leaves a block with ${multipleOf} neurons at some depth, got ${sparsity}; remove less`,
  );
}

/**
 * The units that a shape keeps: the blocks with the highest scores, and of each block the head dimensions and neurons with the highest.
 *
 * @param scores - by group, one a unit; of equal ones the first goes
 * @returns 1 for each unit that stays, by group.
 */
export function keptByShape(
  space: UnitSpace,
  scores: UnitScores,
  { depth, headDim, neurons }: Shape,
): Map<string, Uint8Array> {
  const blocks = ofKind(space, "block").map(({ name }) => name);
  const staying = highest(
    Float32Array.from(blocks, (name) => scores.get(name)![0]),
    depth,
  );
  const kept = new Map<string, Uint8Array>(blocks.map((name, index) => [name, staying.slice(index, index + 1)]));
  for (const { name } of ofKind(space, "attn.headDim")) kept.set(name, highest(scores.get(name)!, headDim));
  for (const { name } of ofKind(space, "mlp.neuron")) kept.set(name, highest(scores.get(name)!, neurons));
  return kept;
}

/** 1 for each of so many highest scores; of equal ones the first goes. */
function highest(scores: Float32Array, count: number): Uint8Array {
  const ranked = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || b - a);
  const keep = new Uint8Array(scores.length);
  for (const index of ranked.slice(0, count)) keep[index] = 1;
  return keep;
}

/** The network that a shape leaves of a model, whose masks are gone afterwards. */
export async function cutToShape(
  model: Model,
  space: UnitSpace,
  scores: UnitScores,
  shape: Shape,
): Promise<HostModel<ModelConfig>> {
  applyKept(model, space, keptByShape(space, scores, shape));
  const cut = await compact(model, { roundTo: 1 });
  clearMasks(model);
  return cut;
}
