/** `secateur saliency`: scores only. */
import { UsageError } from "../../errors.js";
import { checkWritableFile, writeFileAtomic } from "../../io/node/index.js";
import { createModel } from "../../nn/index.js";
import {
  byGroup,
  type Criterion,
  everyParameter,
  type Granularity,
  needsCalibration,
  Scorer,
  scoresAnyParameter,
  type UnitSpace,
  unitSpace,
} from "../../prune/index.js";
import { integer } from "../../report/format.js";
import type { CommandContext, Outcome } from "../host.js";
import { type CalibrationArguments, loadWithWeights, modelName, openCalibration } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFile } from "../places.js";
import { durationText, Progress } from "../progress.js";
import { encodeScores } from "../pruned-files.js";
import { scoreWarnings } from "../warnings.js";

export interface SaliencyArguments extends CalibrationArguments {
  readonly criterion: Criterion;
  readonly granularity: Granularity;
  readonly batch: number;
  readonly seed: number;
  readonly out: string;
}

export async function scoreModel(context: CommandContext, path: string, options: SaliencyArguments): Promise<Outcome> {
  const start = performance.now();
  const { criterion, granularity, batch, seed, out } = options;
  if (needsCalibration(criterion) && options.calibration === undefined) {
    throw new UsageError(`${criterion.name}: expected calibration data, got none; give --calibration DATA`);
  }
  refuseInputFile("out", out, [...modelPlaces(path), ...dataPlaces(options.calibration)]);
  await checkWritableFile(out);
  const checkpoint = await loadWithWeights(path);
  const calibration = await openCalibration(options, checkpoint.config);

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const everything = granularity === "weight" && scoresAnyParameter(criterion);
  const space: UnitSpace = everything
    ? everyParameter(model)
    : unitSpace(model, granularity, { embedding: false, classifier: false });
  using progress = new Progress(context.stderr, Math.ceil((calibration?.length ?? 1) / batch));
  const scorer = new Scorer(model, space, criterion, {
    calibration,
    batchSize: batch,
    seed,
    signal: context.signal,
    onBatch: () => progress.advance(1, criterion.name),
  });
  await scorer.score(0);
  const all = await scorer.scores.read();
  const scores = byGroup(space, (offset, units) => ({ shape: [units], data: all.slice(offset, offset + units) }));
  context.signal.throwIfAborted();
  await writeFileAtomic(out, encodeScores(space, scores, checkpoint.weights, checkpoint.naming));
  progress.clear();
  const seconds = (performance.now() - start) / 1000;
  const warnings = scoreWarnings(all.reduce((count, score) => count + Number(Number.isNaN(score)), 0));
  const images = needsCalibration(criterion) ? calibration!.length : 0;
  return {
    data: {
      command: "saliency",
      model: modelName(path),
      criterion: criterion.name,
      granularity,
      scores: space.count,
      tensors: space.groups.length,
      images,
      out,
      seconds,
      warnings,
    },
    text: [
      `${criterion.name} (${criterion.formula}): ${integer(space.count)} scores of ${modelName(path)} from ${integer(images)} images`,
      ...warnings,
      `${out} (${durationText(seconds)} on ${gpu.info.description})`,
    ].join("\n"),
  };
}
