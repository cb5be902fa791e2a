/** onnxruntime-web with its WebGPU provider: variant `webgpu` is the C++ one, `all` the older one in TypeScript. Values stay on the device. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../node_modules/onnxruntime-web/", import.meta.url);

const VARIANTS = {
  webgpu: { load: () => import("onnxruntime-web/webgpu"), wasm: "ort-wasm-simd-threaded.asyncify.wasm" },
  all: { load: () => import("onnxruntime-web/all"), wasm: "ort-wasm-simd-threaded.jsep.wasm" },
};

/** Its WebAssembly memory is shared, which Dawn for Node refuses. */
function copySharedWrites() {
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, from = 0, size = undefined) {
    const bytes = ArrayBuffer.isView(data) ? data.buffer : data;
    if (!(bytes instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, offset, data, from, size);
    const unit = data.BYTES_PER_ELEMENT ?? 1;
    const start = (data.byteOffset ?? 0) + from * unit;
    const length = size === undefined ? data.byteLength - from * unit : size * unit;
    return writeBuffer.call(this, buffer, offset, new Uint8Array(bytes, start, length).slice());
  };
}

const EPSILON = { float: 1e-6 };
const HEAD_DIM = 64;
const MICROSOFT = "com.microsoft";

const transposed = ({ data, shape: [rows, columns] }) => ({
  shape: [columns, rows],
  data: Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]),
});

const integers = (values) => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt) });

const node = (operator, inputs, output, more) => ({ operator, inputs, outputs: [output], ...more });
const layerNorm = (x, name, y) =>
  node("LayerNormalization", [x, `${name}weight`, `${name}bias`], y, { attributes: { axis: -1, epsilon: EPSILON } });
const gelu = (x, y) => node("Gelu", [x], y, { domain: MICROSOFT });

/** q, k, v: [batch, tokens, heads * HEAD_DIM]. Its own MultiHeadAttention computes wrongly on lavapipe, and is no faster elsewhere. */
function attention(q, k, v, y, [batch, tokens, width], constants) {
  const shape = [batch, tokens, width / HEAD_DIM, HEAD_DIM];
  constants.heads = integers(shape);
  constants.rows = integers([batch, tokens, width]);
  constants.scale = { shape: [], data: Float32Array.of(HEAD_DIM ** -0.5) };
  const split = (x, perm) => [
    node("Reshape", [x, "heads"], `${x}.heads`),
    node("Transpose", [`${x}.heads`], `${x}.by head`, { attributes: { perm } }),
  ];
  return [
    ...split(q, [0, 2, 1, 3]),
    ...split(k, [0, 2, 3, 1]),
    ...split(v, [0, 2, 1, 3]),
    node("MatMul", [`${q}.by head`, `${k}.by head`], "products"),
    node("Mul", ["products", "scale"], "scores"),
    node("Softmax", ["scores"], "shares", { attributes: { axis: -1 } }),
    node("MatMul", ["shares", `${v}.by head`], "mixed"),
    node("Transpose", ["mixed"], "mixed rows", { attributes: { perm: [0, 2, 1, 3] } }),
    node("Reshape", ["mixed rows", "rows"], y),
  ];
}
const linear = (x, name, y) => [
  node("MatMul", [x, `${name}.weight`], `${name}.product`),
  node("Add", [`${name}.product`, `${name}.bias`], y),
];

function block({ x, ...parameters }) {
  const width = x.shape[2];
  const constants = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, value.shape.length === 2 ? transposed(value) : value]),
  );
  constants.thirds = integers([width, width, width]);
  return {
    inputs: { x },
    outputs: { y: x.shape },
    constants,
    nodes: [
      layerNorm("x", "norm1.", "norm1"),
      ...linear("norm1", "attn.qkv", "qkv"),
      { operator: "Split", inputs: ["qkv", "thirds"], outputs: ["q", "k", "v"], attributes: { axis: 2 } },
      ...attention("q", "k", "v", "context", x.shape, constants),
      ...linear("context", "attn.proj", "attended"),
      node("Add", ["x", "attended"], "middle"),
      layerNorm("middle", "norm2.", "norm2"),
      ...linear("norm2", "mlp.fc1", "hidden"),
      gelu("hidden", "active"),
      ...linear("active", "mlp.fc2", "written"),
      node("Add", ["middle", "written"], "y"),
    ],
  };
}

const product = ({ a, b }) => ({ y: [a.shape[0], b.shape[1]] });

/** Heads of a token lie one after the other, which needs no change but of the shape. */
const asRows = ({ data, shape: [batch, tokens, heads, headDim] }) => ({
  data,
  shape: [batch, tokens, heads * headDim],
});

/** The graph of a row: nodes, inputs, shapes of the outputs, constants. */
const graphs = {
  matmul: (inputs) => ({ inputs, outputs: product(inputs), nodes: [node("MatMul", ["a", "b"], "y")] }),
  maskedMatmul: (inputs) => ({
    inputs,
    outputs: product(inputs),
    nodes: [node("Mul", ["b", "mask"], "masked"), node("MatMul", ["a", "masked"], "y")],
  }),
  softmax: ({ x }) => ({
    inputs: { x },
    outputs: { y: x.shape },
    nodes: [node("Softmax", ["x"], "y", { attributes: { axis: -1 } })],
  }),
  layerNorm: (inputs) => ({ inputs, outputs: { y: inputs.x.shape }, nodes: [layerNorm("x", "", "y")] }),
  gelu: ({ x }) => ({ inputs: { x }, outputs: { y: x.shape }, nodes: [gelu("x", "y")] }),
  saliency: (inputs) => ({
    inputs,
    outputs: { y: inputs.score.shape },
    nodes: [
      node("Mul", ["gradient", "weight"], "product"),
      node("Abs", ["product"], "size"),
      node("Add", ["score", "size"], "y"),
    ],
  }),
  attention: ({ q, k, v }) => {
    const inputs = { q: asRows(q), k: asRows(k), v: asRows(v) };
    const { shape } = inputs.q;
    const constants = {};
    return { inputs, outputs: { y: shape }, constants, nodes: attention("q", "k", "v", "y", shape, constants) };
  },
  select: ({ scores }) => {
    const half = scores.data.length >> 1;
    const attributes = { axis: 0, largest: 0, sorted: 1 };
    return {
      inputs: { scores },
      outputs: { y: [half] },
      constants: { count: integers([half]) },
      nodes: [{ operator: "TopK", inputs: ["scores", "count"], outputs: ["y", "places"], attributes }],
    };
  },
  blockForward: block,
};

const NOTES = { select: "sorts the smaller half", maskedMatmul: "multiplies by the mask first" };

const shapesOf = (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, shape]) => [name, { shape }]));

function upload(device, ort, { data, shape }) {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const size = Math.ceil(data.byteLength / 16) * 16;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, data);
  const tensor = ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: [...shape] });
  return { tensor, buffer };
}

export async function open({ variant, onnxModel }) {
  const { load, wasm } = VARIANTS[variant];
  copySharedWrites();
  const ort = await load();
  ort.env.wasm.wasmBinary = readFileSync(fileURLToPath(new URL(`dist/${wasm}`, root)));
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const create = ({ nodes, ...graph }) =>
    ort.InferenceSession.create(onnxModel(nodes, { ...graph, outputs: shapesOf(graph.outputs) }), {
      executionProviders: ["webgpu"],
      preferredOutputLocation: "gpu-buffer",
    });
  const one = { data: Float32Array.of(1), shape: [1] };
  // The first session makes the device, and the last one that is released takes it along.
  await create({ inputs: { x: one }, outputs: { y: [1] }, nodes: [node("Abs", ["x"], "y")] });
  const device = await ort.env.webgpu.device;
  return {
    version: JSON.parse(readFileSync(new URL("package.json", root), "utf8")).version,
    device,
    prepare: async (kind, values) => {
      if (!graphs[kind]) return "no gradients";
      const graph = graphs[kind](values);
      const session = await create(graph);
      const given = Object.entries(graph.inputs).map(([name, value]) => [name, upload(device, ort, value)]);
      const feeds = Object.fromEntries(given.map(([name, { tensor }]) => [name, tensor]));
      let results = {};
      const drop = () => {
        for (const result of Object.values(results)) result.dispose();
      };
      return {
        note: NOTES[kind],
        run: async () => {
          drop();
          results = await session.run(feeds);
        },
        outputs: async () => {
          const outputs = {};
          for (const [name, result] of Object.entries(results)) outputs[name] = await result.getData();
          if (kind !== "select") return outputs;
          const last = outputs.y.length - 1;
          return { rank: Float32Array.of(last), threshold: outputs.y.subarray(last) };
        },
        release: () => {
          drop();
          for (const [, { buffer }] of given) buffer.destroy();
          session.release();
        },
      };
    },
  };
}
