/** A model that may end at several depths: exits to train with, and what the network is worth at each of them. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import type { Checkpoint } from "../io/checkpoint.js";
import type { Dataset } from "../io/dataset.js";
import type { FloatTensor } from "../io/safetensors.js";
import { addExits, atDepth, createModel, depthsOf, type HostViT } from "../nn/index.js";
import type { MaskSet } from "../prune/index.js";
import { integer, percent } from "../report/format.js";
import { countKept, type DepthSummary } from "../report/index.js";
import type { CommandContext } from "./host.js";
import { measure } from "./measure.js";
import { Progress } from "./progress.js";
import { textTable } from "./table.js";

/** Where depths are measured. */
export interface DepthContext extends Pick<CommandContext, "stderr" | "signal"> {
  readonly gpu: Gpu;
}

/** The model with exits behind so many blocks, fresh ones where it has none there. @throws UsageError */
export function withExits(checkpoint: Checkpoint, exits: readonly number[] | undefined, seed: number): Checkpoint {
  if (!exits) return checkpoint;
  const { config, weights } = checkpoint;
  if (config.architecture !== "vit") {
    throw new UsageError(`exits: expected a ViT, got "${config.architecture}"; leave --exits out`);
  }
  const wider = addExits({ config, weights }, exits, seed);
  const rawConfig = { ...checkpoint.rawConfig, exits: [...exits] };
  return { ...checkpoint, config: wider.config, weights: new Map(wider.weights), rawConfig };
}

/** A model up to one of its depths, without exits. @throws UsageError for a model that has no classifier there. */
export function endAt(
  { config, weights }: Pick<Checkpoint, "config" | "weights">,
  depth: number,
): Pick<Checkpoint, "config" | "weights"> {
  if (config.architecture !== "vit") {
    throw new UsageError(`depth: expected a ViT, got "${config.architecture}"; leave --depth out`);
  }
  const ended = atDepth({ config, weights }, depth);
  return { config: ended.config, weights: new Map(ended.weights) };
}

/** Values of a network that its masks keep. */
function keptParameters({ weights }: HostViT, masks: MaskSet): number {
  let count = 0;
  for (const [name, { data }] of weights) count += masks.has(name) ? countKept(masks.get(name)!.data) : data.length;
  return count;
}

/**
 * Accuracy and size at every depth that a model may end at; empty where it has no exits.
 * @param weights - with removed values at zero
 */
export async function measureDepths(
  { gpu, stderr, signal }: DepthContext,
  { config }: Pick<Checkpoint, "config">,
  weights: ReadonlyMap<string, FloatTensor>,
  masks: MaskSet,
  evaluation: Dataset | undefined,
): Promise<DepthSummary[]> {
  if (config.architecture !== "vit" || !config.exits) return [];
  const depths = depthsOf(config);
  using progress = new Progress(stderr, depths.length * (evaluation?.length ?? 0));
  const records: DepthSummary[] = [];
  for (const depth of depths) {
    const host = atDepth({ config, weights }, depth);
    const model = createModel(gpu, host.config, host.weights);
    const label = `accuracy at depth ${depth}`;
    const top1 = evaluation ? (await measure(model, evaluation, { signal, progress, label })).top1 : null;
    model.release();
    records.push({ depth, parameters: keptParameters(host, masks), top1 });
  }
  return records;
}

/** A table for people. */
export const depthTable = (records: readonly DepthSummary[]): string =>
  textTable([
    ["blocks", "parameters left", "top-1"],
    ...records.map(({ depth, parameters, top1 }) => [`${depth}`, integer(parameters), percent(top1)]),
  ]);
