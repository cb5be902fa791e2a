/** `secateur shapes`: networks of one size, from deep and narrow to shallow and wide, in one table. */
import { join } from "node:path";
import { encodeCheckpoint, withNetwork } from "../../io/checkpoint.js";
import { checkWritableFolder, openDataset, writeFolder } from "../../io/node/index.js";
import { createModel } from "../../nn/index.js";
import { cutToShape, shapesOfSize, shapeUnits } from "../../prune/shapes.js";
import { integer, percent } from "../../report/format.js";
import type { CommandContext, Outcome } from "../host.js";
import { type CalibrationArguments, loadWithWeights, modelName, openCalibration } from "../model.js";
import { dataPlaces, modelPlaces, refuseInputFolder } from "../places.js";
import { durationText } from "../progress.js";
import { type ComparedShape, ShapeComparison, shapeTable } from "../shape-comparison.js";
import { checkTraining, type TrainingArguments, trainingSettings } from "../training-arguments.js";

export interface ShapesArguments extends CalibrationArguments, TrainingArguments {
  readonly calibration: string;
  readonly sparsity: number;
  readonly multipleOf: number;
  /** Without, shapes are measured as they were cut. */
  readonly train?: string;
  readonly data: string;
  readonly out: string;
}

export async function compareShapes(context: CommandContext, path: string, options: ShapesArguments): Promise<Outcome> {
  const start = performance.now();
  const { sparsity, multipleOf, out } = options;
  checkTraining(options);
  const inputs = dataPlaces(options.calibration, options.train, options.data);
  refuseInputFolder("out", out, [...modelPlaces(path), ...inputs]);
  await checkWritableFolder(out);
  const { weights, metadata, ...checkpoint } = await loadWithWeights(path);
  const calibration = (await openCalibration(options, checkpoint.config))!;
  const evaluation = await openDataset(options.data, checkpoint.config);
  const training = options.train
    ? await openDataset(options.train, checkpoint.config, { defaultSplit: "train" })
    : null;

  using gpu = await context.openGpu();
  const model = createModel(gpu, checkpoint.config, weights);
  const space = shapeUnits(model);
  const shapes = shapesOfSize(space, sparsity, multipleOf);
  using comparison = new ShapeComparison({ context, calibration, evaluation, training, options }, shapes.length);
  const dense = await comparison.describe(model, "dense");
  const scores = await comparison.scores(model, space);
  const compared: ComparedShape[] = [];
  const files = new Map<string, Uint8Array | string>();
  for (const shape of shapes) {
    const { config, weights: cut } = await cutToShape(model, space, scores, shape);
    const network = createModel(gpu, config, cut);
    const before = await comparison.describe(network, `depth ${shape.depth}`);
    const finetuned = await comparison.finetune(network, `depth ${shape.depth}`);
    const name = `depth-${shape.depth}`;
    const left = withNetwork({ ...checkpoint, metadata }, { config, weights: await network.parameters.read() });
    for (const [file, bytes] of encodeCheckpoint(left)) files.set(`${name}/${file}`, bytes);
    network.release();
    compared.push({ ...shape, ...before, finetuned, folder: join(out, name) });
  }
  const seconds = (performance.now() - start) / 1000;
  const data = {
    command: "shapes",
    model: modelName(path),
    sparsity,
    multipleOf,
    calibration: { data: calibration.source, examples: calibration.length },
    evaluation: { data: evaluation.source, examples: evaluation.length },
    finetune: training && { data: training.source, examples: training.length, ...trainingSettings(options) },
    dense,
    shapes: compared,
    adapter: gpu.info.description,
  };
  files.set("shapes.json", `${JSON.stringify(data, null, 2)}\n`);
  context.signal.throwIfAborted();
  await writeFolder(out, files);
  const claim = `${modelName(path)} without ${percent(sparsity)} of its blocks' parameters, in ${integer(shapes.length)} shapes`;
  const place = `${out}: shapes.json, depth-N/ (${durationText(seconds)} on ${gpu.info.description})`;
  return { data: { ...data, out, seconds }, text: [claim, shapeTable(dense, compared), place].join("\n") };
}
