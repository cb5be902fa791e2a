/** A pruned model as it lies in files: weights, masks, scores and report. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { asF32, type Checkpoint } from "../io/checkpoint.js";
import { fromTimmNames, type Naming } from "../io/names.js";
import { saveCheckpoint } from "../io/node/index.js";
import { encodeSafetensors, type FloatTensor } from "../io/safetensors.js";
import { encodeMasks } from "../prune/masks/files.js";
import type { PruneResult } from "../prune/prune.js";
import type { UnitSpace } from "../prune/units.js";
import { type Report, renderReport, reportToJson } from "../report/index.js";

/**
 * Writes a pruned model's folder, all files or none.
 *
 * @param weights - with removed values at zero
 * @param compact - files of the smaller model that is left, for a folder of its own inside
 * @returns the names of the files.
 */
export async function savePruned(
  folder: string,
  checkpoint: Checkpoint,
  weights: Map<string, FloatTensor>,
  result: Pick<PruneResult, "masks" | "scores" | "space">,
  report: Report,
  compact?: ReadonlyMap<string, Uint8Array>,
): Promise<string[]> {
  const { naming } = checkpoint;
  const others = new Map<string, Uint8Array | string>([
    ["masks.safetensors", encodeMasks(result.masks, naming)],
    ["scores.safetensors", encodeScores(result.space, result.scores, checkpoint.weights, naming)],
    ["report.json", reportToJson(report)],
    ["report.html", renderReport(report)],
  ]);
  for (const [name, content] of compact ?? []) others.set(`compact/${name}`, content);
  await saveCheckpoint(folder, { ...checkpoint, weights }, others);
  if (!compact) await dropCompact(join(folder, "compact"));
  return ["model.safetensors", "config.json", ...others.keys()];
}

/** Takes the smaller model of an earlier run away, which the files beside it no longer describe; a folder with anything else stays. */
async function dropCompact(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.sort().join() === "config.json,model.safetensors") await rm(folder, { recursive: true });
}

/**
 * `scores.safetensors`: where each value of a parameter is a unit, named and shaped as the parameter in the model's file; else one value a unit
 * under the group's name.
 */
export function encodeScores(
  space: UnitSpace,
  scores: ReadonlyMap<string, FloatTensor>,
  weights: ReadonlyMap<string, FloatTensor>,
  naming: Naming,
): Uint8Array {
  const ofParameters = new Map<string, FloatTensor>();
  const ofUnits = new Map<string, FloatTensor>();
  for (const { name, units, members } of space.groups) {
    const { data } = scores.get(name)!;
    const [{ parameter, inner, period }] = members;
    const shape = weights.get(parameter)!.shape;
    const isWhole =
      members.length === 1 && inner === 1 && period === units && data.length === weights.get(parameter)!.data.length;
    if (isWhole) ofParameters.set(parameter, { shape, data });
    else ofUnits.set(name, { shape: [units], data });
  }
  return encodeSafetensors([...fromTimmNames(asF32(ofParameters), naming), ...asF32(ofUnits)]);
}
