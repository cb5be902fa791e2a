import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { encodeSafetensors, parseSafetensors } from "../../src/io/index.js";
import { readOnnx } from "../harness/onnx/file.js";
import { cli, noGpu, TINY, Workplace } from "./harness.js";

const place = new Workplace();
afterAll(() => place[Symbol.dispose]());
const model = place.model();

const run = (...args: string[]) => cli(["export", ...args], { openGpu: noGpu });

const weights = parseSafetensors(readFileSync(`${model}/model.safetensors`), "model").tensors;
const masks = place.write(
  "masks.safetensors",
  encodeSafetensors(
    [...weights]
      .filter(([name]) => name.endsWith("fc1.weight"))
      .map(([name, { shape, data }]) => [
        name,
        { dtype: "U8", shape, data: Uint8Array.from(data as Float32Array, (_, i) => i % 2) },
      ]),
  ),
);

it("writes a model without a device, also beside its files", async () => {
  const out = place.path("model/model.onnx");
  const { exitCode, stdout, stderr } = await run(model, "--onnx", out);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^model: [\d,]+ parameters\n.+model\.onnx: [\d.]+ kB, ONNX opset 17, images \[batch, 1, 8, 8\] to logits \[batch, 3\]\n$/,
  );
  const file = readOnnx(readFileSync(out));
  expect(file.name).toBe("model");
  for (const [name, { data }] of weights) expect([...file.initializers.get(name)!.data]).toEqual([...data]);
});

it("writes zeros where masks remove, and counts what is kept", async () => {
  const out = place.path("masked.onnx");
  const { stdout } = await run(model, "--onnx", out, "--masks", masks, "--json");
  const { parameters, bytes, opset } = JSON.parse(stdout);
  expect(parameters.dense - parameters.kept).toBe(TINY.depth * 2 * TINY.embed_dim ** 2);
  expect(bytes).toBe(readFileSync(out).length);
  expect(opset).toBe(17);
  const { initializers } = readOnnx(readFileSync(out));
  for (const [name, { data }] of weights) {
    const want = Float64Array.from(data as Float32Array, (value, i) =>
      name.endsWith("fc1.weight") && !(i % 2) ? 0 : value,
    );
    expect([...initializers.get(name)!.data], name).toEqual([...want]);
  }
});

it.each([
  ["no file", [model], "expected --onnx <file>, got none"],
  ["its weights as output", [model, "--onnx", `${model}/model.safetensors`], "expected a file apart from the input"],
  ["its config as output", [model, "--onnx", `${model}/config.json`], "expected a file apart from the input"],
  ["its masks as output", [model, "--onnx", masks, "--masks", masks], "expected a file apart from the input"],
  ["a folder as output", [model, "--onnx", model], "expected a file for output, got the folder"],
  ["no model", [place.path("none"), "--onnx", place.path("x.onnx")], "expected a file or folder, got none"],
  [
    "masks that are weights",
    [model, "--onnx", place.path("x.onnx"), "--masks", `${model}/model.safetensors`],
    "U8 or BOOL",
  ],
])("refuses %s in one line", async (_, args, expected) => {
  const before = readFileSync(`${model}/model.safetensors`);
  const { exitCode, stdout, stderr } = await run(...args);
  expect(stderr).toMatch(/^secateur: [^\n]+\n$/);
  expect(stderr).toContain(expected);
  expect(stdout).toBe("");
  expect(exitCode).toBe(2);
  expect(readFileSync(`${model}/model.safetensors`)).toEqual(before);
});
