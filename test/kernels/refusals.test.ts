/** What kernels refuse before anything runs: sizes that are no positive integers, buffers that are too short or missing, results on top of operands, unknown names. */
import { expect, test } from "vitest";
import { KernelError, ShapeError } from "../../src/errors.js";
import * as checked from "../../src/kernels/checked.gen.js";
import * as kernels from "../../src/kernels/index.js";
import { sharedGpu } from "../harness/gpu.js";

type Call = () => void;

/** Buffers of 64 elements, as many as are asked for. */
async function buffersOf64<const Names extends readonly string[]>(...names: Names) {
  const gpu = await sharedGpu();
  const buffers = Object.fromEntries(names.map((name) => [name, gpu.allocate(256)]));
  return { gpu, buffers: buffers as Record<Names[number], ReturnType<typeof gpu.allocate>> };
}

function expectRefusals(kind: typeof ShapeError | typeof KernelError, calls: readonly (readonly [Call, string])[]) {
  for (const [call, message] of calls) {
    expect(call, message).toThrow(kind);
    expect(call).toThrow(message);
  }
}

test("sizes that are no positive integers are refused by their names", async () => {
  const { gpu, buffers } = await buffersOf64("x", "y", "z", "g", "state", "a", "b", "out", "logsumexp", "qkv");
  const { x, y, z, g, state, a, b, out, logsumexp, qkv } = buffers;
  const attend = (size: object) => () =>
    kernels.attention(gpu, { qkv, out, logsumexp }, { batch: 1, tokens: 1, heads: 1, headDim: 4, ...size });
  const expand = { length: 64, inner: 1, period: 64 };
  const unit = { length: 64, inner: 1, period: 4 };
  const norm = { x, weight: g, bias: a, y, mean: b, rstd: z };
  const none = (name: string, got: number | string = 0) => `: ${name}: expected a positive integer, got ${got}`;
  expectRefusals(ShapeError, [
    [() => kernels.expandMask(gpu, { units: x, mask: y }, { ...expand, inner: 0 }), `expandMask${none("inner")}`],
    [() => kernels.expandMask(gpu, { units: x, mask: y }, { ...expand, band: -8 }), `expandMask${none("band", -8)}`],
    [() => kernels.gate(gpu, { x, g, y }, { ...unit, period: 0 }), `gate${none("period")}`],
    [() => kernels.addPeriodic(gpu, { a, b, y }, { ...unit, inner: 0.5 }), `addPeriodic${none("inner", 0.5)}`],
    [() => kernels.gateGradient(gpu, { x, dy: y, dg: g }, { ...unit, inner: 0 }), `gateGradient${none("inner")}`],
    [() => kernels.softmax(gpu, { x, y }, { rows: 4, columns: 0 }), `softmax${none("columns")}`],
    [() => kernels.softmax(gpu, { x, y }, { rows: 0, columns: 4 }), `softmax${none("rows")}`],
    [() => kernels.softmaxGrad(gpu, { y, dy: x, dx: z }, { rows: 1.5, columns: 4 }), `softmaxGrad${none("rows", 1.5)}`],
    [
      () => kernels.dropout(gpu, { x, y, state }, { length: 64, inner: 0, keep: 0.5, stream: 0 }),
      `dropout${none("inner")}`,
    ],
    [() => kernels.randomSigns(gpu, { y, state }, { length: -1, stream: 0 }), `randomSigns${none("length", -1)}`],
    [() => kernels.fill(gpu, { y }, { length: 0, value: 1 }), `fill${none("length")}`],
    [() => kernels.fill(gpu, { y }, { length: -3, value: 1 }), `fill${none("length", -3)}`],
    [attend({ tokens: 0 }), `attention${none("tokens")}`],
    [attend({ batch: -1 }), `attention${none("batch", -1)}`],
    [attend({ heads: 1.5 }), `attention${none("heads", 1.5)}`],
    [attend({ headDim: 0 }), `attention${none("headDim")}`],
    [
      () => kernels.layerNorm(gpu, norm, { rows: Number.NaN, columns: 4, epsilon: 0 }),
      `layerNorm${none("rows", "NaN")}`,
    ],
    [() => kernels.reduce(gpu, "mean", { x, y }, { outer: 0, length: 4, inner: 1 }), `reduce mean${none("outer")}`],
    [() => kernels.mapUnits(gpu, "x", { x: { buffer: x } }, { y, ...unit, inner: 0 }), `mapUnits${none("inner")}`],
    [() => kernels.map(gpu, "x", { x: { buffer: x } }, { y, length: 0 }), `map${none("length")}`],
    [() => kernels.map(gpu, "x", { x: { buffer: x, period: 0 } }, { y, length: 64 }), `map: input x${none("period")}`],
    [() => kernels.matmul(gpu, "nn", { a, b, out }, { m: 0, n: 4, k: 4 }), `matmul nn${none("m")}`],
    [() => kernels.matmul(gpu, "nn", { a, b, out }, { m: "5" as never, n: 4, k: 4 }), `matmul nn${none("m", '"5"')}`],
    [
      () => kernels.blockUnits({ rows: 4, columns: 4, blockRows: 0, blockColumns: 2 }),
      `blockUnits${none("blockRows")}`,
    ],
    [
      () => kernels.patchify(gpu, { images: x, patches: y }, { batch: 1, channels: 1, height: 8, width: 8, patch: 0 }),
      `patchify${none("patch")}`,
    ],
  ]);
});

test("buffers that are too short are refused by their names", async () => {
  const { gpu, buffers } = await buffersOf64("x", "y", "mask", "weight", "gradient", "first", "second", "velocity");
  const { x, y, mask, weight, gradient, first, second, velocity } = buffers;
  const [short, state] = [gpu.allocate(4), gpu.allocate(8)];
  const schedule = gpu.allocate(16);
  const step = { weight, gradient, firstMoment: first, secondMoment: second, schedule };
  const adamw = (wrong: object) => () =>
    kernels.adamw(gpu, { ...step, ...wrong }, { length: 64, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0 });
  const sgd = (wrong: object) => () =>
    kernels.sgd(gpu, { weight, gradient, velocity, schedule, ...wrong }, { length: 64, momentum: 0, decay: 0 });
  const size = { length: 64, stream: 0 };
  const dropout = (wrong: object) => () =>
    kernels.dropout(gpu, { x, y, state, ...wrong }, { ...size, inner: 1, keep: 0.5 });
  const [out, logsumexp, outTangent, logsumexpTangent] = [weight, gradient, first, second];
  const tangent = (gates: object) => () =>
    kernels.attentionTangent(
      gpu,
      { qkv: x, qkvTangent: y, out, logsumexp, outTangent, logsumexpTangent, ...gates },
      { batch: 1, tokens: 4, heads: 1, headDim: 4 },
    );
  const lacks = (name: string, elements = 64) =>
    `expected ${elements} elements in ${name}, got 1; check the sizes passed`;
  expectRefusals(ShapeError, [
    ...(["weight", "gradient", "firstMoment", "secondMoment"] as const).map(
      (name) => [adamw({ [name]: short }), `adamw: ${lacks(name)}`] as const,
    ),
    [adamw({ schedule: short }), `adamw: ${lacks("schedule", 4)}`],
    [adamw({ mask: short }), `adamw: ${lacks("mask", 2)}`],
    [sgd({ velocity: short }), `sgd: ${lacks("velocity")}`],
    [sgd({ mask: short }), `sgd: ${lacks("mask", 2)}`],
    [() => kernels.fill(gpu, { y: short }, { length: 64, value: 1 }), `fill: ${lacks("y")}`],
    [() => kernels.randomUniform(gpu, { y: short, state }, size), `randomUniform: ${lacks("y")}`],
    [() => kernels.randomNormal(gpu, { y, state: short }, size), `randomNormal: ${lacks("state", 2)}`],
    [() => kernels.randomSigns(gpu, { y: short, state }, size), `randomSigns: ${lacks("y")}`],
    [dropout({ x: short }), `dropout: ${lacks("x")}`],
    [dropout({ y: short }), `dropout: ${lacks("y")}`],
    [() => kernels.applyMask(gpu, { x: short, mask, y }, { length: 64 }), `applyMask: ${lacks("x")}`],
    [() => kernels.applyMask(gpu, { x, mask, y: short }, { length: 64 }), `applyMask: ${lacks("y")}`],
    [tangent({ keyGate: short, keyGateTangent: mask }), `attentionTangent: ${lacks("keyGate", 4)}`],
    [tangent({ keyGate: mask, keyGateTangent: short }), `attentionTangent: ${lacks("keyGateTangent", 4)}`],
    [() => kernels.countKept(gpu, { mask, count: short }, { length: 64, index: 2 }), `countKept: ${lacks("count", 3)}`],
  ]);
});

test("missing operands, and results on top of operands, are refused by the operand's own name", async () => {
  const { gpu, buffers } = await buffersOf64("a", "b", "out", "qkv", "logsumexp", "q", "kv", "headGate");
  const { a, b, out, qkv, logsumexp, q, kv, headGate } = buffers;
  const size = { m: 4, n: 4, k: 4 };
  const matmul = (given: object) => () => kernels.matmul(gpu, "nn", given as kernels.MatmulBuffers, size);
  const extents = { batch: 1, tokens: 1, heads: 1, headDim: 4 };
  const attend = (given: object) => () =>
    kernels.attention(gpu, { qkv, out, logsumexp, ...given } as kernels.AttentionBuffers, extents);
  const across = { batch: 1, queries: 1, keys: 1, heads: 1, headDim: 4 };
  const image = { batch: 1, channels: 1, height: 4, width: 4, outputs: 1, kernel: [1, 1] } as const;
  const shares = (name: string, other: string) =>
    `${name}: expected memory of its own, got that of ${other}; take another buffer`;
  expectRefusals(KernelError, [
    [matmul({ b, out }), "matmul nn: expected an operand a, got none"],
    [matmul({ a, out }), "matmul nn: expected an operand b, got none"],
    [matmul({ a, b }), "matmul nn: expected an operand out, got none"],
    [matmul({ a, b: new Float32Array(16), out }), "matmul nn: b: expected a GpuBuffer or a Tensor, got Float32Array"],
    [matmul({ a, b, out: a }), `matmul nn: ${shares("out", "a")}`],
    [matmul({ a, b, out: b }), `matmul nn: ${shares("out", "b")}`],
    [matmul({ a, b, out, residual: out }), `matmul nn: ${shares("out", "residual")}`],
    [matmul({ a, b, out, preactivation: out }), `matmul nn: ${shares("preactivation", "out")}`],
    [attend({ out: qkv }), `attention: ${shares("out", "qkv")}`],
    [attend({ headGate, ungated: out }), `attention: ${shares("ungated", "out")}`],
    [attend({ qkv: undefined }), "attention: expected an operand qkv, got none; pass its buffer"],
    [attend({ logsumexp: undefined }), "attention: expected an operand logsumexp, got none; pass its buffer"],
    [attend({ qkv: 5 }), "attention: qkv: expected a GpuBuffer or a Tensor, got 5"],
    [
      () => kernels.softmax(gpu, { x: a, y: null as never }, { rows: 4, columns: 4 }),
      "softmax: expected an operand y, got none; pass its buffer",
    ],
    [
      () => kernels.attentionGrad(gpu, { qkv, out, logsumexp, dOut: q, dQkv: qkv }, extents),
      `attentionGrad: ${shares("dQkv", "qkv")}`,
    ],
    [() => kernels.conv2d(gpu, { x: a, weight: b, y: a }, image), `conv2d: ${shares("y", "x")}`],
    [
      () => kernels.conv2dInputGrad(gpu, { dy: a, weight: b, dx: b }, image),
      `conv2dInputGrad: ${shares("dx", "weight")}`,
    ],
    [
      () => kernels.conv2dWeightGrad(gpu, { x: a, dy: b, dWeight: out, scored: out }, image),
      `conv2dWeightGrad: ${shares("dWeight", "scored")}`,
    ],
    [() => kernels.crossAttention(gpu, { q, kv, out: q, logsumexp }, across), `crossAttention: ${shares("out", "q")}`],
  ]);
});

test("a scale of attention that is no finite number is refused", async () => {
  const { gpu, buffers } = await buffersOf64("qkv", "out", "logsumexp", "dOut", "dQkv", "q", "kv", "attention");
  const { qkv, out, logsumexp, dOut, dQkv, q, kv, attention } = buffers;
  const size = { batch: 1, tokens: 1, heads: 1, headDim: 4, scale: Number.NaN };
  const across = { batch: 1, queries: 1, keys: 1, heads: 1, headDim: 4, scale: Number.POSITIVE_INFINITY };
  const along = { qkv, out, logsumexp, qkvTangent: q, outTangent: kv, logsumexpTangent: attention };
  const refused = (got: string) => `: scale: expected a finite number, got ${got}; correct it or leave it out`;
  expectRefusals(ShapeError, [
    [() => kernels.attention(gpu, { qkv, out, logsumexp }, size), `attention${refused("NaN")}`],
    [() => kernels.attentionGrad(gpu, { qkv, out, logsumexp, dOut, dQkv }, size), `attentionGrad${refused("NaN")}`],
    [() => kernels.attentionTangent(gpu, along, size), `attentionTangent${refused("NaN")}`],
    [() => kernels.attentionGradTangent(gpu, { ...along, dOut, dQkv }, size), `attentionGradTangent${refused("NaN")}`],
    [() => kernels.classAttention(gpu, { qkv, attention }, size), `classAttention${refused("NaN")}`],
    [() => kernels.crossAttention(gpu, { q, kv, out, logsumexp }, across), `crossAttention${refused("Infinity")}`],
  ]);
});

test("an order of operands that there is not is refused", async () => {
  const { gpu, buffers } = await buffersOf64("a", "b", "out");
  const matmul = (order: unknown) => () =>
    checked.matmul(gpu, order as kernels.MatmulOrder, buffers, { m: 4, n: 4, k: 4 });
  const refused = (got: string) => `matmul: order: expected nn, nt or tn, got ${got}; correct it in the call`;
  expectRefusals(KernelError, [
    [matmul("NT"), refused('"NT"')],
    [matmul("tt"), refused('"tt"')],
    [matmul(""), refused('""')],
    [matmul(undefined), refused("undefined")],
  ]);
});

test("names that a kernel does not have are refused, with those that it has", async () => {
  const { gpu, buffers } = await buffersOf64("a", "b", "y", "weight", "gradient", "first", "second", "schedule");
  const { a, b, y, weight, gradient, first, second, schedule } = buffers;
  const size = { m: 4, n: 4, k: 4 };
  const matmul = (more: object, extents: object = size, options: object = {}) =>
    checked.matmul(gpu, "nn", { a, b, out: y, ...more }, extents as kernels.MatmulSize, options);
  const step = { weight, gradient, firstMoment: first, secondMoment: second, schedule };
  const settings = { length: 64, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0 };
  const image = { batch: 1, channels: 1, height: 4, width: 4, outputs: 1, kernel: [1, 1] } as const;
  const attend = (options: object) => () =>
    checked.attention(
      gpu,
      { qkv: a, out: b, logsumexp: y },
      { batch: 1, tokens: 1, heads: 1, headDim: 4 },
      options as kernels.AttentionOptions,
    );
  const among = (op: string, names: string, got: string) =>
    `${op}: expected a name among ${names}, got ${got}; correct it in the call`;
  const operands = "a, b, out, bias, mask, gate, preactivation, residual, scored, activated";
  const conv = "batch, channels, height, width, outputs, kernel, stride, padding, groups";
  expectRefusals(KernelError, [
    [() => matmul({ bais: a }), among("matmul", operands, "bais")],
    [() => matmul({}, { ...size, batches: 2 }), among("matmul", "m, n, k, batch", "batches")],
    [() => matmul({}, size, { orderr: "tn" }), "activation, gateFirst, variant, term, accumulate, got orderr;"],
    [
      () => checked.adamw(gpu, step, { ...settings, lr: 0.1 } as typeof settings),
      among("adamw", "length, beta1, beta2, epsilon, decay", "lr"),
    ],
    [
      () => checked.softmax(gpu, { x: a, y, mask: b } as never, { rows: 8, columns: 8 }),
      among("softmax", "x, y", "mask"),
    ],
    [attend({ casual: true }), among("attention", "causal, variant, storage", "casual")],
    [
      () => checked.conv2d(gpu, { x: a, weight: b, y }, { ...image, strides: 2 } as kernels.Conv2dSize),
      among("conv2d", conv, "strides"),
    ],
    [
      () => checked.map(gpu, "x", { x: { buffer: a, perid: 4 } as kernels.MapInput }, { y, length: 64 }),
      among("map", "buffer, inner, period", "perid"),
    ],
    [
      () => checked.fillRanges(gpu, { y }, [{ offset: 0, count: 1, valeu: 1 } as never]),
      among("fillRanges", "offset, count, value", "valeu"),
    ],
  ]);
  // What is undefined is not there.
  gpu.upload(a, new Float32Array(64).fill(2));
  gpu.upload(b, new Float32Array(64).fill(3));
  matmul({ bais: undefined }, size, { variant: undefined });
  expect((await gpu.read(y)).slice(0, 16)).toEqual(new Float32Array(16).fill(24));
});

test("words that a kernel does not know are refused, with those that it knows", async () => {
  const { gpu, buffers } = await buffersOf64("a", "b", "y", "keep");
  const { a, b, y, keep } = buffers;
  const multiply = (options: object) => () =>
    checked.matmul(gpu, "nt", { a, b, out: y }, { m: 4, n: 4, k: 4 }, options as kernels.MatmulOptions);
  const one = (options: object) => () => checked.activation(gpu, "gelu", { x: a, y }, { length: 64 }, options);
  const size = { outer: 1, length: 8, inner: 8 };
  const range = { prune: 1, ties: "lowest" };
  const refused = (start: string, got: string) =>
    new RegExp(`^${start}: expected [\\w, /-]+ or \\w.*, got ${got}; correct it in the call$`);
  const calls: [Call, RegExp][] = [
    [multiply({ activation: "gleu" }), refused("matmul: activation", '"gleu"')],
    [multiply({ storage: "f61" }), refused("matmul: storage", '"f61"')],
    [multiply({ resultStorage: "half" }), refused("matmul: resultStorage", '"half"')],
    [multiply({ weightAs: "sqare" }), refused("matmul: weightAs", '"sqare"')],
    [multiply({ variant: "bogus" }), refused("matmul: variant", '"bogus"')],
    [multiply({ variant: 1 }), refused("matmul: variant", "1")],
    [
      one({ storage: "constructor" }),
      /^activation: storage: expected f32 or f16, got "constructor"; correct it in the call$/,
    ],
    [
      () => checked.activation(gpu, "gleu" as never, { x: a, y }, { length: 64 }),
      refused("activation: kind", '"gleu"'),
    ],
    [
      () => checked.activation(gpu, undefined as never, { x: a, y }, { length: 64 }),
      refused("activation: kind", "undefined"),
    ],
    [() => checked.reduce(gpu, "smu" as never, { x: a, y }, size), refused("reduce: kind", '"smu"')],
    [
      () => checked.cast(gpu, { x: a, y }, { length: 64, from: "f32", to: "f61" as never }),
      refused("cast: to", '"f61"'),
    ],
    [
      () => checked.selectRanges(gpu, { scores: a, keep, results: y }, [range as never]),
      refused("selectRanges: ties", '"lowest"'),
    ],
  ];
  for (const [call, message] of calls) {
    expect(call, String(message)).toThrow(KernelError);
    expect(call).toThrow(message);
  }
  // All that a type allows goes through.
  for (const activation of ["none", "relu", "gelu", undefined]) expect(multiply({ activation })).not.toThrow();
  expect(multiply({ variant: "tile 64x64x16/4x4" })).not.toThrow();
  await gpu.sync();
});

test("arguments that are no objects are refused, with what belongs in them", async () => {
  const { gpu, buffers } = await buffersOf64("a", "b", "out");
  const { a, b } = buffers;
  const size = { m: 4, n: 4, k: 4 };
  const matmul = checked.matmul as (...args: unknown[]) => void;
  const activation = checked.activation as (...args: unknown[]) => void;
  const fillRanges = checked.fillRanges as (...args: unknown[]) => void;
  const none = "got none; correct the call";
  expectRefusals(KernelError, [
    [() => matmul(gpu, "nt", buffers), `matmul: size: expected an object of m, n, k, batch, ${none}`],
    [
      () => matmul(gpu, "nt", buffers, 4),
      "matmul: size: expected an object of m, n, k, batch, got 4; correct the call",
    ],
    [() => matmul(gpu, "nt"), "matmul: buffers: expected an object of a, b, out, bias,"],
    [() => matmul(gpu, "nt", b), "matmul: expected a name among a, b, out, bias,"],
    [() => matmul(gpu, "nt", b), " of GpuBuffer; correct it in the call"],
    [() => matmul(gpu, "nt", buffers, size, "gelu"), "matmul: options: expected an object of storage, "],
    [() => matmul(gpu, "nt", buffers, size, "gelu"), ', got "gelu"; correct the call'],
    [() => matmul(gpu, "nt", buffers, size, null), ", got null; correct the call"],
    [() => activation(gpu, "relu", { x: a, y: b }), `activation: argument 4: expected an object of length, ${none}`],
    [() => fillRanges(gpu, { y: a }), `fillRanges: ranges: expected objects of offset, count, value, ${none}`],
  ]);
  expect(() => matmul(gpu, "nt", buffers, size, undefined)).not.toThrow();
  await gpu.sync();
});

test("every kernel looks at the names of its arguments", async () => {
  const gpu = await sharedGpu();
  const wrong = { nosuch: { nosuch: 1 } };
  const all = Object.entries(checked as Readonly<Record<string, unknown>>);
  const looking = all.filter(([name, value]) => value !== (kernels as Readonly<Record<string, unknown>>)[name]);
  expect(looking.map(([name]) => name)).toEqual(
    expect.arrayContaining(["adamw", "attention", "conv2d", "layerNorm", "map", "matmul", "reduce", "selectRanges"]),
  );
  expect(looking.length).toBeGreaterThan(90);
  for (const [name, kernel] of looking) {
    const call = () => (kernel as (...args: unknown[]) => void)(gpu, wrong, wrong, wrong, wrong);
    expect(call, name).toThrow(KernelError);
    const refused =
      /^\w+: (expected a name among .*, got nosuch|\w+: expected [\w, ]+, got Object); correct it in the call$/;
    expect(call, name).toThrow(refused);
    expect(call, name).toThrow(`${name}: `);
  }
});
