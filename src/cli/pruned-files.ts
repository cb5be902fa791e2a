/** A pruned model as it lies in files: weights, masks, scores and report. */
import { asF32, type Checkpoint, encodeCheckpoint } from "../io/checkpoint.js";
import { fromTimmNames, type Naming } from "../io/names.js";
import { encodeSafetensors, type FloatTensor } from "../io/safetensors.js";
import { encodeMasks } from "../prune/masks/files.js";
import type { PruneResult } from "../prune/prune.js";
import type { UnitSpace } from "../prune/units.js";
import { type Report, renderReport, reportToJson } from "../report/index.js";
import { writeRun } from "./run-folder.js";

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
  const files = new Map<string, Uint8Array | string>([
    ...encodeCheckpoint({ ...checkpoint, weights }),
    ["masks.safetensors", encodeMasks(result.masks, naming)],
    ["scores.safetensors", encodeScores(result.space, result.scores, checkpoint.weights, naming)],
    ["report.json", reportToJson(report)],
    ["report.html", renderReport(report)],
  ]);
  for (const [name, content] of compact ?? []) files.set(`compact/${name}`, content);
  await writeRun(folder, files);
  return [...files.keys()];
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
