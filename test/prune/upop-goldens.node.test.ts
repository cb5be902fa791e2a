/** UPop against its authors' blocks, loss and update rule: the goldens `upop-*`, whatever seed and shape they have. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  arrayDataset,
  type Dataset,
  type FloatTensor,
  inputSpec,
  parseModelConfig,
  parseSafetensors,
} from "../../src/io/index.js";
import { createModel, type Model } from "../../src/nn/index.js";
import { progressivePart, runSearch, type SearchMethod, type SearchResult, upop } from "../../src/prune/index.js";
import { addTerm, Tensor, withoutHistory } from "../../src/tensor/index.js";
import { keyedGenerator, shuffled } from "../../src/train/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { missing, sharedPath } from "../harness/shared.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

interface LoggedStep {
  readonly step: number;
  readonly ce: number;
  readonly sp_attn: number;
  readonly sp_mlp: number;
  /** Where the gates were updated after the step. */
  readonly pi?: number;
}

interface GoldenRun {
  readonly config: Record<string, unknown>;
  readonly steps: number;
  readonly interval: number;
  readonly p: number;
  readonly w_sp_attn: number;
  readonly w_sp_mlp: number;
  readonly lr: number;
  readonly weight_decay: number;
  readonly log: readonly LoggedStep[];
}

const SEED = 0;
const root = sharedPath("goldens");
const folders = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith("upop-")) : ["upop-a"];

function open(folder: string) {
  const file = (name: string) => {
    const path = sharedPath(`goldens/${folder}/${name}.safetensors`);
    return parseSafetensors(readFileSync(path), path).tensors as Map<string, FloatTensor>;
  };
  const run: GoldenRun = JSON.parse(readFileSync(sharedPath(`goldens/${folder}/run.json`), "utf8"));
  return { file, run, config: parseModelConfig(run.config, folder) };
}

/** The golden's batches, laid out so that one epoch of our trainer, which shuffles, meets them in their order. */
function inTrainingOrder(
  { images, labels }: { images: FloatTensor; labels: FloatTensor },
  config: Parameters<typeof inputSpec>[0],
): Dataset {
  const [steps, batch, ...sample] = images.shape;
  const examples = steps * batch;
  const size = sample.reduce((product, extent) => product * extent, 1);
  const [data, classes] = [new Float32Array(images.data.length), new Int32Array(examples)];
  for (const [position, index] of shuffled(examples, keyedGenerator(SEED, 0)).entries()) {
    data.set(images.data.subarray(position * size, (position + 1) * size), index * size);
    classes[index] = Number(labels.data[position]);
  }
  return arrayDataset({ shape: [examples, ...sample], data, labels: classes }, inputSpec(config), "golden");
}

/** Names of the goldens' gates, `blocks.0.attn.alpha`, by the places of ours. */
const goldenName = (place: string) => place.replace(/(headDim|hidden)$/, "alpha");

interface Watched {
  readonly losses: number[];
  /** By step of an update and place, after it. */
  readonly gates: Map<number, Map<string, Float32Array>>;
  readonly gradients: Map<number, Map<string, Float32Array>>;
}

/** The method, with gates of MLPs that begin at `first`, seen at every update. */
function watched(method: SearchMethod, { log }: GoldenRun, first: number, seen: Watched): SearchMethod {
  return {
    ...method,
    start: (model, options) => {
      const search = method.start(model, options);
      const totals = new Map([...model.gates].map(([place, gate]) => [place, Tensor.zeros(gpu, gate.shape)]));
      for (const [place, gate] of model.gates) {
        if (place.endsWith("hidden")) gate.write(new Float32Array(gate.size).fill(first));
      }
      const readAll = async (tensors: Iterable<[string, Tensor]>) => {
        const values = new Map<string, Float32Array>();
        for (const [place, tensor] of tensors) values.set(place, await tensor.read());
        return values;
      };
      return {
        learned: search.learned,
        objective: search.objective,
        onGradients: (gradients) => {
          search.onGradients!(gradients);
          for (const [place, gate] of model.gates) addTerm("g", { g: gradients.get(gate)! }, totals.get(place)!);
        },
        afterStep: async (step) => {
          if (log[step].pi !== undefined) seen.gradients.set(step, await readAll(totals));
          await search.afterStep!(step);
          if (log[step].pi !== undefined) seen.gates.set(step, await readAll(model.gates));
        },
        finish: search.finish,
        [Symbol.dispose]: () => {
          for (const total of totals.values()) gpu.release(total);
          search[Symbol.dispose]();
        },
      };
    },
  };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const difference = (a: Float32Array, b: Float32Array) => largest(a.map((value, i) => value - b[i]));
const sumOf = (gates: Map<string, Float32Array>, end: string) =>
  [...gates].reduce((sum, [place, values]) => (place.endsWith(end) ? values.reduce((a, b) => a + b, sum) : sum), 0);

describe.each(folders)("%s", (folder) => {
  const skip = missing(`goldens/${folder}`);
  let golden: ReturnType<typeof open>;
  let model: Model;
  let result: SearchResult;
  const seen: Watched = { losses: [], gates: new Map(), gradients: new Map() };

  beforeAll(async () => {
    if (skip) return;
    golden = open(folder);
    const { file, run, config } = golden;
    model = createModel(gpu, config, file("model"));
    const batches = file("batches");
    const [images, labels] = [batches.get("images")!, batches.get("labels")!];
    const neurons = [...model.gates.places].reduce(
      (sum, [place, { units }]) => sum + (place.endsWith("hidden") ? units[0] : 0),
      0,
    );
    // The run began with other gates of MLPs than the authors' ones: its first penalty says with which.
    const first = run.log[0].sp_mlp / run.w_sp_mlp / neurons;
    const method = upop({ interval: run.interval, attentionPenalty: run.w_sp_attn, mlpPenalty: run.w_sp_mlp });
    const options = {
      epochs: 1,
      batchSize: images.shape[1],
      learningRate: run.lr,
      finalLearningRate: run.lr,
      warmup: 0,
      seed: SEED,
      optimizer: { weightDecay: run.weight_decay, clipNorm: 0 },
    };
    const search = { data: inTrainingOrder({ images, labels }, config), options, sparsity: run.p, reference: true };
    result = await runSearch(model, watched(method, run, first, seen), search, {
      onStep: ({ loss }) => void seen.losses.push(loss),
    });
  });

  const check = (name: string, fn: () => void | Promise<void>) =>
    test.skipIf(skip)(`${name}${skip ? ` (${skip})` : ""}`, fn);

  check("losses with penalties, at each of the steps", () => {
    const want = golden.run.log.map(({ ce, sp_attn, sp_mlp }) => ce + sp_attn + sp_mlp);
    expect(seen.losses.length).toBe(want.length);
    want.forEach((loss, step) => {
      expect(Math.abs(seen.losses[step] - loss), `step ${step}`).toBeLessThan(1e-3);
    });
  });

  check("parts, and gates that fade at each update", () => {
    const { run } = golden;
    const updates = run.log.filter(({ pi }) => pi !== undefined);
    expect([...seen.gates.keys()]).toEqual(updates.map(({ step }) => step));
    for (const { step, pi } of updates) {
      expect(progressivePart(run.p, step, run.steps)).toBeCloseTo(pi!, 12);
      const next = run.log[step + 1];
      if (!next) continue;
      // A sum tells how many gates of its kind fade: one more would change it by its penalty.
      expect(run.w_sp_attn * sumOf(seen.gates.get(step)!, "headDim"), `step ${step}`).toBeCloseTo(next.sp_attn, 6);
      expect(run.w_sp_mlp * sumOf(seen.gates.get(step)!, "hidden"), `step ${step}`).toBeCloseTo(next.sp_mlp, 6);
    }
  });

  check("accumulated gradients and gates of the updates that the files hold", () => {
    const [gates, gradients] = [golden.file("alpha_after_update"), golden.file("alpha_grad_accumulated")];
    const steps = [...seen.gates.keys()];
    const key = (step: number, place: string) => `step${step}.${goldenName(place)}`;
    const places = [...seen.gates.get(steps[0])!.keys()];
    // Where all updates have the values of the last one, the file was written at the end from tensors that lived on.
    const held = places.some(
      (place) =>
        difference(gradients.get(key(steps[0], place))!.data, gradients.get(key(steps.at(-1)!, place))!.data) > 0,
    );
    for (const step of held ? steps : steps.slice(-1)) {
      let [equal, total] = [0, 0];
      for (const place of places) {
        const want = gradients.get(key(step, place))!.data;
        expect(difference(seen.gradients.get(step)!.get(place)!, want) / largest(want), key(step, place)).toBeLessThan(
          1e-3,
        );
        const wanted = gates.get(key(step, place))!.data;
        const got = seen.gates.get(step)!.get(place)!;
        if (held && step === steps[0]) expect(got, key(step, place)).toEqual(wanted);
        wanted.forEach((value, i) => {
          equal += Number(Math.abs(value - got[i]) < 1e-6);
        });
        total += wanted.length;
      }
      expect(equal / total, `step ${step}`).toBeGreaterThanOrEqual(0.97);
    }
  });

  check("the result keeps what the last gates keep", () => {
    const last = seen.gates.get(golden.run.steps - 1)!;
    for (const [name, kept] of result.kept) {
      expect(Array.from(kept)).toEqual(Array.from(last.get(name.replace(/neuron$/, "hidden"))!));
    }
    expect(model.gates.get("blocks.0.attn.headDim")).toBeUndefined();
  });

  check("weights after the search and logits of the masked model", async () => {
    for (const [name, { shape, data }] of golden.file("model_after_search")) {
      const got = (await model.parameters.read()).get(name)!.data;
      // Attention does not depend on biases of keys: AdamW makes whole steps of what rounding leaves of their gradients.
      const isKey = (i: number) => name.endsWith("qkv.bias") && Math.floor((3 * i) / shape[0]) === 1;
      expect(largest(got.map((value, i) => (isKey(i) ? 0 : value - data[i]))), name).toBeLessThan(1e-4);
    }
    const { images, logits } = Object.fromEntries(golden.file("searched_io"));
    const batch = Tensor.from(gpu, images.data, images.shape);
    const got = await withoutHistory(() => model.forward(batch).logits).read();
    expect(difference(got, logits.data)).toBeLessThan(1e-3);
    gpu.release(batch);
    model.release();
  });
});
