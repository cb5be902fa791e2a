/** Input that is no use is refused in one line, with exit code 2, before a device is opened and before anything is written. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/io/index.js";
import { type CliResult, cli, noGpu, TINY, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();
const data = place.data();

function expectRefusal({ exitCode, stdout, stderr }: CliResult, expected: string): void {
  expect(stderr).toContain(expected);
  expect(stderr).toMatch(/^secateur: [^\n]+\n$/);
  expect(stdout).toBe("");
  expect(exitCode).toBe(2);
}

const evaluate = (path: string, images = data): Promise<CliResult> =>
  cli(["eval", path, "--data", images], { openGpu: noGpu });

function damaged(name: string, damage: (bytes: Uint8Array) => Uint8Array): string {
  const folder = place.model(name);
  place.write(`${name}/model.safetensors`, damage(readFileSync(`${folder}/model.safetensors`)));
  return folder;
}

describe("models", () => {
  it("missing", async () => {
    expectRefusal(await evaluate(place.path("none")), "expected a file or folder, got none; check the path");
  });

  it("without config.json", async () => {
    mkdirSync(place.path("bare"));
    place.write("bare/model.safetensors", readFileSync(`${model}/model.safetensors`));
    const result = await evaluate(place.path("bare"));
    expectRefusal(result, "expected config.json beside it, got none; write one (a ViT's: img_size, ");
    expectRefusal(result, `an MLP's: "architecture": "mlp", inputs, hidden, num_classes)`);
  });

  it.each([
    ["info", []],
    ["eval", ["--data", data]],
    ["saliency", ["--criterion", "magnitude", "--out", place.path("scores.safetensors")]],
    ["finetune", ["--data", data, "--out", place.path("tuned")]],
  ])("that are a config alone, for %s", async (command, more) => {
    const config = place.write("alone/config.json", JSON.stringify(TINY));
    for (const path of [config, place.path("alone")]) {
      const result = await cli([command, path, ...more], { openGpu: noGpu });
      expectRefusal(result, `${path}: expected a model with weights, got a config alone; \`secateur train\` and`);
    }
  });

  it("truncated", async () => {
    expectRefusal(
      await evaluate(damaged("short", (bytes) => bytes.subarray(0, bytes.length - 100))),
      "model.safetensors: expected",
    );
  });

  it("with a header that claims more than the file", async () => {
    const folder = damaged("huge", (bytes) => {
      const copy = Uint8Array.from(bytes);
      new DataView(copy.buffer).setBigUint64(0, 2n ** 62n, true);
      return copy;
    });
    expectRefusal(await evaluate(folder), "model.safetensors: expected");
  });

  it("with NaN weights", async () => {
    const folder = damaged("nan", (bytes) => {
      const copy = Uint8Array.from(bytes);
      new DataView(copy.buffer).setFloat32(copy.length - 4, Number.NaN, true);
      return copy;
    });
    expectRefusal(await evaluate(folder), "expected finite values in");
  });

  it("of other shapes than the config says", async () => {
    const folder = place.model("shapes");
    place.write("shapes/config.json", readFileSync(`${place.model("wider", { embed_dim: 32 })}/config.json`));
    expectRefusal(await evaluate(folder), "the config does not describe these weights");
  });

  it("whose config is no JSON", async () => {
    const folder = place.model("garbled");
    place.write("garbled/config.json", "{img_size: 8}");
    expectRefusal(await evaluate(folder), "config.json: expected JSON");
  });

  it.each([
    ["header", '{"a":'],
    ["metadata", '{"__metadata__":'],
  ])("with a %s nested without end", async (name, start) => {
    const json = Buffer.from(`${start}${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const folder = damaged(`nested-${name}`, () => Buffer.concat([length, json]));
    expectRefusal(await evaluate(folder), "expected at most 64 levels of nesting, got more");
  });

  it("whose config nests without end", async () => {
    const folder = place.model("nested-config");
    place.write("nested-config/config.json", `{"activation":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
    expectRefusal(await evaluate(folder), "config.json: expected at most 64 levels of nesting, got more");
  });

  it("whose config asks for more than any device holds", async () => {
    for (const width of [2 ** 20, 1e9]) {
      const config = place.write("wide.json", JSON.stringify({ ...TINY, embed_dim: width }));
      const args = ["train", config, "--data", data, "--out", place.path("wide")];
      expectRefusal(await cli(args, { openGpu: noGpu }), 'wide.json: expected "embed_dim" to be');
    }
  });

  it.each(["resnet20", "vgg16_bn", "resnet18"])(
    "of the architecture %s with weights of another",
    async (architecture) => {
      place.write(`${architecture}/model.safetensors`, readFileSync(`${model}/model.safetensors`));
      place.write(`${architecture}/config.json`, JSON.stringify({ architecture }));
      const first = { resnet20: "conv", vgg16_bn: "layers.0.conv", resnet18: "conv1" }[architecture];
      expectRefusal(await evaluate(place.path(architecture)), `expected "${first}.weight" of shape `);
    },
  );

  it("of an MLP whose weights are another's", async () => {
    const folder = place.path("mlp");
    place.write("mlp/model.safetensors", readFileSync(`${model}/model.safetensors`));
    place.write("mlp/config.json", JSON.stringify({ architecture: "mlp", inputs: 64, hidden: [8], num_classes: 3 }));
    expectRefusal(await evaluate(folder), 'expected "lin.0.weight" of shape 8 x 64, got none');
  });
});

describe("data", () => {
  it("missing", async () => {
    expectRefusal(await evaluate(model, place.path("nothing")), "expected a file or folder, got none");
  });

  it("in an empty folder", async () => {
    mkdirSync(place.path("empty"));
    expectRefusal(
      await evaluate(model, place.path("empty")),
      "expected class folders, MNIST idx files or CIFAR-10 batches",
    );
  });

  it("in a class folder without images", async () => {
    place.write("notes/cats/readme.txt", "no image");
    expectRefusal(await evaluate(model, place.path("notes")), 'expected JPEG or PNG images in folder "cats", got none');
  });

  it("that cannot be decoded", async () => {
    place.write("broken/cats/cat.png", "not a PNG");
    const result = await cli(["eval", model, "--data", place.path("broken")]);
    expectRefusal(result, "broken/cats/cat.png: expected");
  });

  it("that cannot be decoded while an earlier batch is computed", async () => {
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
    place.write("later/cats/a.png", Buffer.from(pixel, "base64"));
    place.write("later/cats/b.png", "not a PNG");
    const result = await cli(["eval", model, "--data", place.path("later"), "--batch", "1"]);
    expectRefusal(result, "later/cats/b.png: expected");
  });

  it("with a class outside of the head", async () => {
    expectRefusal(
      await evaluate(model, place.data("far.safetensors", 6, [0, 1, 3])),
      "expected labels 0 to 2 (the model's head), got 3",
    );
  });

  it("of another size than the model's input", async () => {
    const large = place.model("large", { img_size: 16 });
    expectRefusal(await evaluate(large), "expected samples of 1 x 16 x 16 (the model's input), got 1 x 8 x 8");
  });
});

describe("masks", () => {
  const masks = (name: string, tensor: Parameters<typeof encodeSafetensors>[0]) =>
    place.write(name, encodeSafetensors(tensor));
  const withMasks = (path: string) => cli(["eval", model, "--data", data, "--masks", path], { openGpu: noGpu });

  it("that are weights", async () => {
    expectRefusal(await withMasks(`${model}/model.safetensors`), "expected masks as U8 or BOOL, got F32");
  });

  it("of another model", async () => {
    const other = masks("other.safetensors", [
      ["blocks.9.mlp.fc1.weight", { dtype: "U8", shape: [1], data: Uint8Array.of(1) }],
    ]);
    expectRefusal(await withMasks(other), `${other}: mask blocks.9.mlp.fc1.weight: expected a parameter`);
  });

  it("with values that are neither 0 nor 1", async () => {
    const twos = new Uint8Array(64 * 16).fill(2);
    const path = masks("twos.safetensors", [["blocks.0.mlp.fc1.weight", { dtype: "U8", shape: [64, 16], data: twos }]]);
    expectRefusal(await withMasks(path), "expected values 0 and 1, got others");
  });
});

describe("output", () => {
  const prune = (out: string) =>
    cli(["prune", model, "--method", "magnitude", "--sparsity", "0.5", "--out", out], { openGpu: noGpu });

  it("that leads through a file", async () => {
    expectRefusal(await prune(`${data}/out`), "got a path that leads through a file");
  });

  it("in the model's own folder", async () => {
    const before = readdirSync(model);
    expectRefusal(await prune(model), "out: expected a folder apart from the input");
    expect(readdirSync(model)).toEqual(before);
  });

  it.skipIf(!existsSync("/proc/self"))("where nobody can write", async () => {
    expectRefusal(await prune("/proc/secateur/out"), "/proc/secateur/out: expected a place that can be written");
  });

  describe("that would replace its input", () => {
    const masks = place.write(
      "kept/masks.safetensors",
      encodeSafetensors([["norm.bias", { dtype: "U8", shape: [16], data: new Uint8Array(16).fill(1) }]]),
    );
    place.write("images/cats/cat.png", "");
    const images = place.path("images");
    const weights = `${model}/model.safetensors`;
    symlinkSync(images, place.path("link"));

    const evaluation = (images: string, logits: string) => ["eval", model, "--data", images, "--logits", logits];
    const scores = (...rest: string[]) => ["saliency", model, "--criterion", "magnitude", ...rest];
    const pruned = (...rest: string[]) => ["prune", model, "--method", "magnitude", "--sparsity", "0.5", ...rest];
    const tuned = (...rest: string[]) => ["finetune", model, ...rest];

    it.each([
      ["weights by scores", scores("--out", weights)],
      ["the config by scores", scores("--out", `${model}/config.json`)],
      [
        "the config beside a file of weights",
        ["saliency", weights, ...scores("--out", `${model}/config.json`).slice(2)],
      ],
      ["calibration data by scores", scores("--calibration", data, "--out", data)],
      ["data by logits", evaluation(data, data)],
      ["an image by logits", evaluation(images, `${images}/cats/cat.png`)],
      ["an image behind a link by logits", evaluation(images, `${place.path("link")}/new/logits.safetensors`)],
      ["one split of data by logits", evaluation(`${images}:test`, `${images}/logits.safetensors`)],
      ["masks by logits", [...evaluation(data, masks), "--masks", masks]],
      ["a folder of calibration images", pruned("--calibration", images, "--out", images)],
      ["the inside of a folder of images", pruned("--data", images, "--out", `${images}/pruned`)],
      ["the model by a tuned one", tuned("--data", data, "--out", model)],
      ["the model, given as a file", ["finetune", weights, "--data", data, "--out", model]],
      ["masks by a tuned model", tuned("--data", data, "--masks", masks, "--out", place.path("kept"))],
      ["test data by a tuned model", tuned("--data", data, "--test", images, "--out", images)],
      ["training data of a resumed run", tuned("--data", images, "--resume", "--out", images)],
      ["the demo's own model", ["demo", "--out", "demo/digits"]],
    ])("%s", async (_, args) => {
      const before = [weights, masks, data].map((path) => readFileSync(path));
      const option = args[0] === "eval" ? "logits" : "out";
      expectRefusal(await cli(args, { openGpu: noGpu }), `${option}: expected a f`);
      expectRefusal(await cli(args, { openGpu: noGpu }), "apart from the input");
      expect([weights, masks, data].map((path) => readFileSync(path))).toEqual(before);
    });
  });

  it("of scores that is a folder", async () => {
    const args = ["saliency", model, "--criterion", "magnitude", "--out", place.folder];
    expectRefusal(await cli(args, { openGpu: noGpu }), "expected a file for output, got the folder");
  });
});
