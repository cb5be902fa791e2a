/** `secateur demo`: the whole job on a small model, within minutes on any machine. */
import { join, resolve } from "node:path";
import type { Checkpoint } from "../../io/checkpoint.js";
import { type Dataset, firstOfEachClass, subset } from "../../io/dataset.js";
import { checkWritableFolder, loadModel, openDataset } from "../../io/node/index.js";
import { createModel, type Model } from "../../nn/index.js";
import { clearMasks, criterionByName, maskWeights, type PruneResult, prune } from "../../prune/index.js";
import { integer, shortPercent } from "../../report/format.js";
import type { Report, Run } from "../../report/index.js";
import { Trainer } from "../../train/index.js";
import { demoModel, mnistFolder, spread } from "../demo-inputs.js";
import { demoText, runData } from "../demo-outcome.js";
import { describeRun } from "../describe-run.js";
import type { CommandContext, Outcome } from "../host.js";
import { measure } from "../measure.js";
import { modelPlaces, refuseInputFolder } from "../places.js";
import { GRADIENT_COST, Progress } from "../progress.js";
import { savePruned } from "../pruned-files.js";
import { reportFrame, summarizeData, summarizeModel } from "../report.js";

const METHODS = ["random", "magnitude", "taylor"];
const SPARSITIES = [0.5, 0.7, 0.9];
const CALIBRATION = { examplesPerClass: 10, batch: 20 };
const SEED = 0;
const FINETUNE = { batch: 64, learningRate: 1e-3, warmup: 0.1, weightDecay: 0.05, labelSmoothing: 0 };
const EVALUATION_BATCH = 100;

/** How much each kind of device does in a minute or two. */
const WORKLOADS = {
  swiftshader: { testImages: 1_000, finetuneSteps: 60 },
  lavapipe: { testImages: 2_000, finetuneSteps: 150 },
  hardware: { testImages: 10_000, finetuneSteps: 600 },
  browser: { testImages: 10_000, finetuneSteps: 600 },
  host: { testImages: 10_000, finetuneSteps: 600 },
} as const;

interface Stage {
  readonly context: CommandContext;
  readonly model: Model;
  readonly checkpoint: Checkpoint;
  readonly calibration: Dataset;
  readonly test: Dataset;
  readonly progress: Progress;
}

export async function runDemo(context: CommandContext, options: { readonly out: string }): Promise<Outcome> {
  const start = performance.now();
  const out = resolve(options.out);
  const path = demoModel();
  const mnist = mnistFolder();
  refuseInputFolder("out", out, [...modelPlaces(path), mnist]);
  await checkWritableFolder(out);
  const checkpoint = await loadModel(path);
  const train = { ...(await openDataset(mnist, checkpoint.config, { defaultSplit: "train" })), source: "mnist train" };
  const allTests = { ...(await openDataset(mnist, checkpoint.config)), source: "mnist test" };
  const calibration = subset(train, firstOfEachClass(train.labels, CALIBRATION.examplesPerClass));

  using gpu = await context.openGpu();
  const { testImages, finetuneSteps } = WORKLOADS[gpu.info.kind];
  const test = spread(allTests, testImages);
  context.note(
    `${gpu.info.description}: ${integer(test.length)} of ${integer(allTests.length)} test images, ${finetuneSteps} finetuning steps`,
  );
  const model = createModel(gpu, checkpoint.config, checkpoint.weights);
  const images = test.length * (METHODS.length * SPARSITIES.length + 2);
  const gradients = calibration.length * SPARSITIES.length + finetuneSteps * FINETUNE.batch;
  using progress = new Progress(context.stderr, images + gradients * GRADIENT_COST);
  const stage: Stage = { context, model, checkpoint, calibration, test, progress };

  const dense = await measureNow(stage, "dense accuracy");
  const { runs, last } = await pruneAll(stage, path);
  await finetune(stage, train, finetuneSteps);
  const finetuned = await measureNow(stage, "finetuned accuracy");
  runs.push({ ...runs.pop()!, finetuned });
  context.signal.throwIfAborted();

  const { batch, examplesPerClass } = CALIBRATION;
  const settings = { scope: "global", granularity: "weight", schedule: "one-shot", rounds: 1, batch, examplesPerClass };
  const left = allTests.length - test.length;
  const report: Report = {
    ...reportFrame(context.args, gpu.info),
    seed: SEED,
    model: summarizeModel(path, checkpoint),
    data: { calibration: summarizeData(calibration), evaluation: summarizeData(test) },
    settings: { ...settings, reference: false, finetune: { steps: finetuneSteps, ...FINETUNE } },
    dense,
    runs,
    warnings: left > 0 ? [subsetText(test.length, allTests.length)] : [],
  };
  await savePruned(out, checkpoint, maskWeights(await model.parameters.read(), last.masks), last, report);
  progress.clear();
  const seconds = (performance.now() - start) / 1000;
  return {
    data: {
      command: "demo",
      out,
      report: join(out, "report.html"),
      dense,
      runs: runs.map(runData),
      seconds,
      adapter: gpu.info.description,
    },
    text: demoText(report, join(out, "report.html"), seconds),
  };
}

const subsetText = (used: number, all: number): string =>
  `Accuracy was measured on ${integer(used)} test images, evenly spaced over all ${integer(all)}, to keep the demo short on this device.`;

const measureNow = ({ context: { signal }, model, test, progress }: Stage, label: string) =>
  measure(model, test, { signal, progress, label, batchSize: EVALUATION_BATCH });

/** Prunes the dense model anew for each method and sparsity; the last masks stay over the model. */
async function pruneAll(stage: Stage, path: string): Promise<{ runs: Run[]; last: PruneResult }> {
  const { context, model, checkpoint, calibration, progress } = stage;
  const summary = summarizeModel(path, checkpoint);
  const runs: Run[] = [];
  let last: PruneResult | undefined;
  for (const method of METHODS) {
    for (const sparsity of SPARSITIES) {
      const label = `${method} at ${shortPercent(sparsity)}`;
      clearMasks(model);
      const result = await prune(model, {
        saliency: criterionByName(method),
        sparsity,
        calibration,
        batchSize: CALIBRATION.batch,
        seed: SEED,
        signal: context.signal,
        on: {
          batchScored: ({ batches = 1 }) => progress.advance((calibration.length * GRADIENT_COST) / batches, label),
        },
      });
      const pruned = await measureNow(stage, label);
      const weightShape = (name: string) => checkpoint.weights.get(name)!.shape;
      runs.push(describeRun({ model: summary, layers: model.layers, weightShape, method, sparsity, result, pruned }));
      last = result;
    }
  }
  return { runs, last: last! };
}

async function finetune({ context, model, progress }: Stage, train: Dataset, steps: number): Promise<void> {
  const { batch, learningRate, warmup, labelSmoothing, weightDecay } = FINETUNE;
  using trainer = new Trainer(model, train, {
    epochs: (steps * batch) / train.length,
    batchSize: batch,
    learningRate,
    warmup,
    labelSmoothing,
    seed: SEED,
    optimizer: { weightDecay },
  });
  const onStep = () => progress.advance(batch * GRADIENT_COST, "finetuning");
  await trainer.run({ onStep, signal: context.signal }, steps);
}
