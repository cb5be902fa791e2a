/** The comparison with other libraries, without them: rows and oracles by Secateur itself, and tables of made-up results. */
import { expect, test } from "vitest";
import { blockGradients, blockOutput, blockParameters, HEAD_DIM } from "../../bench/peers/block-oracle.js";
import { measureRow } from "../../bench/peers/measure.js";
import { onnxModel } from "../../bench/peers/onnx-model.js";
import { largestError } from "../../bench/peers/oracles.js";
import type { HostTensors, Library, PeerResult, Row } from "../../bench/peers/peer.js";
import { rows } from "../../bench/peers/rows.js";
import { runPeers } from "../../bench/peers/run.js";
import { secateurOn } from "../../bench/peers/secateur.js";
import { bestRatio, peersNotes, peersTable, ratio } from "../../bench/peers/table.js";
import { UsageError } from "../../src/errors.js";
import { sharedGpu } from "../harness/gpu.js";
import { checkGradient } from "../harness/kernel-case.js";
import { readOnnx } from "../harness/onnx/file.js";
import { runOnnx } from "../harness/onnx/run.js";
import { normals } from "../harness/random.js";

const result = (peer: string, row: string, samples: number[], more: Partial<PeerResult> = {}): PeerResult => ({
  ...{ peer, version: "1", row, samples, correct: true },
  ...more,
});

const made: PeerResult[] = [
  result("secateur", "product", [10, 8]),
  result("secateur", "gradient", [100]),
  result("tfjs", "product", [41, 40]),
  result("tfjs", "gradient", [250], { note: "in two parts" }),
  result("jax", "product", [], { correct: false, note: "wrong results" }),
  result("jax", "gradient", [], { note: "no gradients" }),
];

test("a ratio is of shortest samples, and of what is right", () => {
  expect(ratio(made, made[2])).toBe(5);
  expect(ratio(made, made[4])).toBeUndefined();
  expect(bestRatio([...made, result("other", "product", [16])], "product")).toBe(2);
  expect(bestRatio(made.slice(4), "product")).toBeUndefined();
});

test("the table says what fails and what a library cannot do", () => {
  expect(peersTable(made)).toEqual([
    ["ms", "Secateur", "TensorFlow.js", "jax-js", "best of them"],
    ["product", "8.00", "40.0 5.00x", "fails", "5.00x"],
    ["gradient", "100", "250 2.50x", "cannot", "2.50x"],
  ]);
  expect(peersNotes(made)).toEqual([
    "TensorFlow.js: in two parts (gradient)",
    "jax-js: fails: wrong results (product)",
    "jax-js: cannot: no gradients (gradient)",
  ]);
});

test("a filter without rows names them", async () => {
  await expect(runPeers({ filter: /nothing/ })).rejects.toThrow(UsageError);
});

const tensor = (seed: number, ...shape: number[]) => ({
  data: normals(
    shape.reduce((product, extent) => product * extent, 1),
    seed,
    0.3,
  ),
  shape,
});

/** A block over three tokens of two images. */
const blockInputs = (): HostTensors => {
  const size = { batch: 2, tokens: 3, width: HEAD_DIM };
  const parameters = Object.entries(blockParameters(size)).map(([name, shape], i) => [name, tensor(i, ...shape)]);
  const tokens = (seed: number) => tensor(seed, size.batch, size.tokens, size.width);
  return { x: tokens(50), ...Object.fromEntries(parameters), dy: tokens(51) };
};

test.each(["x", "attn.qkv.bias", "norm1.weight", "norm2.bias", "mlp.fc1.bias"])(
  "the gradient of a block by %s agrees with central differences",
  (name) => {
    const inputs = blockInputs();
    const along = (values: Float64Array) => {
      const moved = { ...inputs, [name]: { ...inputs[name], data: values as unknown as Float32Array } };
      return blockOutput(moved).reduce((sum, y, i) => sum + y * inputs.dy.data[i], 0);
    };
    const few = inputs[name].data.subarray(0, 12);
    const whole = (part: Float64Array) => Float64Array.from(inputs[name].data, (value, i) => part[i] ?? value);
    checkGradient((part) => along(whole(part)), few, blockGradients(inputs)[name], name);
  },
);

const secateur = async (): Promise<Library> => secateurOn(await sharedGpu());

const small: Row[] = [
  {
    name: "block",
    kind: "blockForward",
    inputs: () => {
      const { dy: _, ...inputs } = blockInputs();
      return inputs;
    },
    error: (inputs, { y }) => largestError(y, blockOutput(inputs), 1e-5),
  },
  {
    name: "gradients",
    kind: "blockGradients",
    inputs: blockInputs,
    error: (inputs, outputs) => {
      const want = Object.entries(blockGradients(inputs));
      return Math.max(...want.map(([name, values]) => largestError(outputs[name], values, 1e-4)));
    },
  },
  rows.find(({ kind }) => kind === "layerNorm")!,
];

test.each(small)("Secateur is right at $name, and timed", async (row) => {
  const measured = await measureRow(await secateur(), row);
  expect(measured).toMatchObject({ correct: true, note: undefined });
  expect(measured.error).toBeLessThan(1);
  expect(measured.dispatches).toBeGreaterThan(0);
  expect(measured.samples.length).toBeGreaterThan(0);
});

test("results that are wrong have no time, and a library's failure is a note", async () => {
  const row = small[2];
  const library = await secateur();
  const lazy: Library = { ...library, prepare: async () => ({ run() {}, outputs: async () => ({}) }) };
  expect(await measureRow(lazy, row)).toMatchObject({ correct: false, samples: [], note: "wrong results" });
  const broken: Library = { ...library, prepare: () => Promise.reject(new Error("no such kernel")) };
  expect(await measureRow(broken, row)).toMatchObject({ correct: false, note: "Error: no such kernel" });
  const poor: Library = { ...library, prepare: async () => "no gradients" };
  expect(await measureRow(poor, row)).toMatchObject({ correct: true, samples: [], note: "no gradients" });
});

test("an ONNX model reads back as it was written, and computes", () => {
  const x = { shape: [2, 3] };
  const file = readOnnx(
    onnxModel(
      [
        { operator: "Mul", inputs: ["x", "two"], outputs: ["double"] },
        { operator: "Transpose", inputs: ["double"], outputs: ["y"], attributes: { perm: [1, 0] } },
        {
          ...{ operator: "LayerNormalization", domain: "com.microsoft", inputs: ["y"], outputs: ["unused"] },
          attributes: { axis: -1, epsilon: { float: 0.5 } },
        },
      ],
      {
        inputs: { x },
        outputs: { y: { shape: [3, 2] } },
        constants: {
          two: { shape: [1], data: Float32Array.of(2) },
          places: { shape: [2], data: BigInt64Array.of(-1n, 7n) },
        },
      },
    ),
  );
  expect(file).toMatchObject({
    inputs: [{ name: "x", shape: [2, 3] }],
    outputs: [{ name: "y", shape: [3, 2] }],
    nodes: [
      {},
      { attributes: new Map([["perm", [1, 0]]]) },
      { attributes: new Map(Object.entries({ axis: -1, epsilon: 0.5 })) },
    ],
  });
  expect(file.opsets).toEqual(new Map(Object.entries({ "": 20, "com.microsoft": 1 })));
  expect(file.initializers.get("places")).toEqual({ shape: [2], type: "i64", data: Float64Array.of(-1, 7) });
  const computed = runOnnx(
    { ...file, nodes: file.nodes.slice(0, 2) },
    { ...x, data: Float64Array.of(1, 2, 3, 4, 5, 6) },
  );
  expect(computed).toMatchObject({ shape: [3, 2], data: Float64Array.of(2, 8, 4, 10, 6, 12) });
});
