import { describe, expect, test } from "vitest";
import { FormatError, UsageError } from "../../src/errors.js";
import {
  arrayDataset,
  cifar10Samples,
  firstOfEachClass,
  type HostTensor,
  idxSamples,
  inputSpec,
  parseIdx,
  parseModelConfig,
  subset,
  tensorSamples,
} from "../../src/io/index.js";
import { noise, tensorFile, tinyWords } from "./helpers.js";

const spec = inputSpec(parseModelConfig({ ...tinyWords, mean: [0, 0.5, 1], std: [1, 0.5, 2] }, "x"));
const sample = 3 * 8 * 8;
const images = noise(4 * sample);
const arrays = { shape: [4, 3, 8, 8], data: images, labels: [2, 0, 1, 0] };

test("u8 samples are normalised by channel, in the order asked for", async () => {
  const dataset = arrayDataset(arrays, spec, "data");
  const got = await dataset.read([3, 0, 3]);
  expect(got.length).toBe(3 * sample);
  for (const [position, index] of [3, 0, 3].entries()) {
    for (let i = 0; i < sample; i++) {
      const channel = Math.floor(i / 64);
      const want = (images[index * sample + i] / 255 - [0, 0.5, 1][channel]) / [1, 0.5, 2][channel];
      expect(Math.abs(got[position * sample + i] - want)).toBeLessThan(1e-6);
    }
  }
  expect([...dataset.labels]).toEqual([2, 0, 1, 0]);
  await expect(dataset.read([4])).rejects.toThrow(UsageError);
});

test("subsets and the first of each class", async () => {
  const dataset = arrayDataset(arrays, spec, "data");
  expect([...firstOfEachClass([2, 0, 1, 0, 0, 2], 2)]).toEqual([0, 1, 2, 3, 5]);
  const part = subset(dataset, [3, 1]);
  expect([part.length, ...part.labels]).toEqual([2, 0, 0]);
  expect(await part.read([0])).toEqual(await dataset.read([3]));
  await expect(part.read([2])).rejects.toThrow(UsageError);
  expect(() => subset(dataset, [9])).toThrow(UsageError);
});

test("an MLP takes images, flattened", async () => {
  const mlp = inputSpec(parseModelConfig({ architecture: "mlp", inputs: sample, num_classes: 3 }, "x"));
  const dataset = arrayDataset(arrays, mlp, "data");
  expect(dataset.sampleShape).toEqual([sample]);
  expect((await dataset.read([1, 2])).length).toBe(2 * sample);
});

test.each([
  ["a label too high", { labels: [0, 1, 3, 0] }, /labels 0 to 2 \(the model's head\), got 3 at sample 2/],
  ["a negative label", { labels: [0, 1, -1, 0] }, /got -1 at sample 2/],
  ["a label beyond doubles", { labels: [0, 1, 2n ** 63n, 0] }, /at sample 2/],
  ["fewer labels", { labels: [0, 1] }, /as many labels, got 4 and 2/],
  ["another shape", { shape: [4, 1, 8, 8] }, /samples of 3 x 8 x 8 \(the model's input\), got 1 x 8 x 8/],
  ["no sample", { shape: [0, 3, 8, 8], data: new Uint8Array(0), labels: [] }, /one or more samples/],
])("%s is refused", (_, wrong, message) => {
  expect(() => arrayDataset({ ...arrays, ...wrong }, spec, "data")).toThrow(FormatError);
  expect(() => arrayDataset({ ...arrays, ...wrong }, spec, "data")).toThrow(message);
});

describe("MNIST idx", () => {
  const file = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
  test("images and labels", () => {
    const labels = parseIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 9, 7), 1, "l");
    const samples = idxSamples(parseIdx(file, 3, "i"), labels);
    expect(samples.shape).toEqual([2, 1, 1, 3]);
    expect([...samples.data, ...(samples.labels as Uint8Array)]).toEqual([1, 2, 3, 4, 5, 6, 9, 7]);
  });
  test("another type, number of dimensions or length is refused", () => {
    expect(() => parseIdx(file, 1, "i")).toThrow(/^i: expected an idx file of u8 with 1 dimensions/);
    expect(() => parseIdx(file.subarray(0, 21), 3, "i")).toThrow(/expected 6 bytes for 2 x 1 x 3, got 5/);
    expect(() => parseIdx(file.subarray(0, 3), 3, "i")).toThrow(FormatError);
  });
});

test("CIFAR-10 batches join in order", () => {
  const batch = (label: number) => new Uint8Array(2 * 3073).fill(label);
  const samples = cifar10Samples([
    { name: "a", bytes: batch(1) },
    { name: "b", bytes: batch(2) },
  ]);
  expect(samples.shape).toEqual([4, 3, 32, 32]);
  expect([...(samples.labels as Uint8Array)]).toEqual([1, 1, 2, 2]);
  expect([samples.data[0], samples.data.at(-1)]).toEqual([1, 2]);
  expect(() => cifar10Samples([{ name: "a", bytes: new Uint8Array(3072) }])).toThrow(/^a: expected CIFAR-10 records/);
});

test("safetensors with images and labels", () => {
  const file = (changes: Record<string, HostTensor>) =>
    tensorFile({
      images: { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      labels: { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, 0n) },
      logits: { dtype: "F32", shape: [1], data: new Float32Array(1) },
      ...changes,
    });
  const samples = tensorSamples(file({}), "x");
  expect(samples.shape).toEqual([2, 3]);
  expect([...(samples.labels as BigInt64Array)]).toEqual([1n, 0n]);
  const wrong: HostTensor = { dtype: "F32", shape: [2], data: Float32Array.of(NaN, 0) };
  expect(() => tensorSamples(tensorFile({}), "x")).toThrow(/tensor "images".*got none/);
  expect(() => tensorSamples(file({ images: wrong }), "x")).toThrow(/tensor "images".*got F32 2/);
  expect(() => tensorSamples(file({ labels: wrong }), "x")).toThrow(/tensor "labels".*got F32 2/);
  expect(() => tensorSamples(file({ images: { ...wrong, shape: [2, 1] } }), "x")).toThrow(/finite values in "images"/);
});
