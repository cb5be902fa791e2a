/** Sources of activations against loops over what a forward pass reads and writes, in units of all kinds. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { layerOf, type Model } from "../../src/nn/index.js";
import { type AnySaliency, type Granularity, Scorer, type UnitSpace, unitSpace } from "../../src/prune/index.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { quadrantData, tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
let model: Model;
beforeAll(async () => {
  gpu = await sharedGpu();
  model = tinyViT(gpu, 3);
});

const calibration = quadrantData(24, 8);

const asScore = (source: string): AnySaliency => ({ needs: [source], score: (sources) => sources[source] });

async function score(saliency: AnySaliency, space: UnitSpace): Promise<Map<string, Float32Array>> {
  const scorer = new Scorer(model, space, saliency, { calibration, batchSize: 8, seed: 0 });
  await scorer.score();
  const all = await scorer.scores.read();
  scorer.release();
  return new Map(space.groups.map(({ name, offset, units }) => [name, all.slice(offset, offset + units)]));
}

/** The values of each column of an activation, of all examples and tokens. */
type Columns = readonly (readonly number[])[];

async function columnsOf(tensor: Tensor): Promise<Columns> {
  const values = await tensor.read();
  const width = tensor.shape.at(-1)!;
  return Array.from({ length: width }, (_, column) => [...values.filter((_, i) => i % width === column)]);
}

/** Of each layer and each gate's place, over all of the data. */
async function activations() {
  const [inputs, outputs, sites] = [1, 2, 3].map(() => new Map<string, Tensor>());
  using _scope = gpu.scope();
  const indices = Array.from({ length: calibration.length }, (_, i) => i);
  const images = Tensor.from(gpu, await calibration.read(indices), [calibration.length, ...calibration.sampleShape]);
  images.requiresGradient = true; // keeps every activation
  model.forward(images, {
    observer: {
      layer: (name, input, output) => {
        inputs.set(name, input);
        outputs.set(name, output);
      },
      site: (key, activation) => sites.set(key, activation),
    },
  });
  const read = async (tensors: Map<string, Tensor>) => {
    const columns = new Map<string, Columns>();
    for (const [name, tensor] of tensors) columns.set(name, await columnsOf(tensor));
    return columns;
  };
  return { input: await read(inputs), output: await read(outputs), activation: await read(sites) };
}

const average = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const LOOPS = {
  Mean: average,
  Variance: (values: readonly number[]) => {
    const mean = average(values);
    return average(values.map((x) => (x - mean) ** 2));
  },
  Norm: (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)),
};

function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, relative: number, what: string): void {
  let largest = 0;
  for (let i = 0; i < want.length; i++) largest = Math.max(largest, Math.abs(want[i]));
  for (let i = 0; i < want.length; i++) {
    expect(Math.abs(got[i] - want[i]), `${what} ${i}: ${got[i]} for ${want[i]}`).toBeLessThanOrEqual(
      relative * largest,
    );
  }
}

describe.each(Object.entries(LOOPS))("%s", (name, loop) => {
  test.each<Granularity>(["row", "head", "neuron"])(
    "of inputs and outputs, summed over the weights of a %s",
    async (by) => {
      const space = unitSpace(model, by);
      const found = await activations();
      for (const kind of ["input", "output"] as const) {
        const got = await score(asScore(`${kind}${name}`), space);
        for (const { name: group, units, members } of space.groups) {
          const want = new Float64Array(units);
          for (const { parameter, inner, period } of members) {
            const layer = layerOf(model, parameter);
            if (!layer) continue;
            const values = found[kind].get(layer.name)!.map(loop);
            for (let i = 0; i < layer.in * layer.out; i++) {
              want[Math.floor(i / inner) % period] +=
                values[kind === "input" ? i % layer.in : Math.floor(i / layer.in)];
            }
          }
          expectClose(got.get(group)!, want, 1e-5, `${kind}${name} of ${group}`);
        }
      }
    },
  );

  test.each<Granularity>(["head", "neuron"])("of the activations at a %s", async (by) => {
    const space = unitSpace(model, by);
    const { activation } = await activations();
    for (const [group, scores] of await score(asScore(`activation${name}`), space)) {
      const columns = activation.get(group)!;
      const inner = columns.length / scores.length;
      const want = Array.from(scores, (_, unit) => loop(columns.slice(unit * inner, (unit + 1) * inner).flat()));
      expectClose(scores, want, 1e-5, `activation${name} of ${group}`);
    }
  });
});
