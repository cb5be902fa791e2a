import { existsSync, readFileSync } from "node:fs";
import { afterAll, expect, test, vi } from "vitest";
import { loadModel } from "../../src/io/node/index.js";
import { Trainer } from "../../src/train/index.js";
import { cli, cliJson, noGpu, Workplace } from "./harness.js";

const place = new Workplace();
const model = place.model();
const data = place.data();
afterAll(() => place[Symbol.dispose]());

const args = (out: string) => [
  "shapes",
  model,
  "--sparsity",
  "0.5",
  "--calibration",
  data,
  "--data",
  data,
  "--out",
  out,
];

test("two narrow blocks against a whole one: the same size, finetuned, and files that are models", async () => {
  const out = place.path("shapes");
  const training = ["--train", data, "--epochs", "2", "--batch", "8", "--lr", "0.003"];
  const { dense, shapes } = await cliJson([...args(out), ...training]);
  expect(shapes.map(({ depth }: { depth: number }) => depth)).toEqual([2, 1]);
  const [narrow, wide] = shapes;
  // A block has 3 * 16 * 17 + 16 * 17 + 64 * 17 + 16 * 65 + 64 parameters; the others stay.
  const block = 3 * 16 * 17 + 16 * 17 + 64 * 17 + 16 * 65 + 64;
  expect(dense.parameters - wide.parameters).toBe(block);
  expect(wide.parameters - narrow.parameters).toBeGreaterThanOrEqual(0);
  expect(wide.parameters - narrow.parameters).toBeLessThan(2 * 34);
  expect(wide.flops).toBeLessThan(dense.flops);
  for (const shape of shapes) {
    expect(shape.imagesPerSecond).toBeGreaterThan(0);
    expect(shape.finetuned.loss).toBeLessThan(shape.metrics.loss);
    const { config } = await loadModel(shape.folder);
    expect(config).toMatchObject({ architecture: "vit", embedDim: 16 });
    const { top1, loss } = await cliJson(["eval", shape.folder, "--data", data]);
    expect({ top1, loss }).toEqual({ top1: shape.finetuned.top1, loss: expect.closeTo(shape.finetuned.loss, 6) });
  }
  expect(JSON.parse(readFileSync(place.path("shapes", "shapes.json"), "utf8"))).toMatchObject({
    sparsity: 0.5,
    shapes,
  });
});

test("without data to train on shapes are measured as they were cut", async () => {
  const { exitCode, stdout } = await cli(args(place.path("cut")));
  expect(exitCode).toBe(0);
  const [claim, head, dense, narrow, wide] = stdout.split("\n");
  expect(claim).toBe("model without 50.00% of its blocks' parameters, in 2 shapes");
  expect(head).toMatch(/^depth +width +parameters +FLOPs +top-1 +finetuned +images a second$/);
  expect([dense, narrow, wide].map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ["dense", "100%"],
    ["2", expect.stringMatching(/^(49|50)(\.\d+)?%$/)],
    ["1", "100%"],
  ]);
  expect(wide).toMatch(/–/);
});

test("an interrupted comparison leaves nothing, whatever it had finished", async () => {
  const controller = new AbortController();
  const { run } = Trainer.prototype;
  let trainings = 0;
  const spy = vi.spyOn(Trainer.prototype, "run").mockImplementation(function (this: Trainer, ...rest) {
    if (++trainings === 2) controller.abort(new Error("stopped"));
    return run.apply(this, rest);
  });
  const out = place.path("interrupted");
  const { exitCode } = await cli([...args(out), "--train", data, "--batch", "8"], { signal: controller.signal });
  spy.mockRestore();
  expect([trainings, exitCode]).toEqual([2, 1]);
  expect(existsSync(out)).toBe(false);
});

test("output over input is refused before a device is opened", async () => {
  const { exitCode, stderr } = await cli(args(model), { openGpu: noGpu });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/out: expected a folder apart from the input/);
});
