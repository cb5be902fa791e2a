/** jax-js, every row compiled by its `jit`. Arrays belong to whom they are passed to; `.ref` keeps one. */
import { readFileSync } from "node:fs";

/** Iterator helpers, which it uses and Node 20 lacks. */
function installIteratorHelpers() {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const helpers = {
    *map(f) {
      let i = 0;
      for (const value of this) yield f(value, i++);
    },
    *filter(f) {
      let i = 0;
      for (const value of this) if (f(value, i++)) yield value;
    },
    toArray() {
      return [...this];
    },
    some(f) {
      for (const value of this) if (f(value)) return true;
      return false;
    },
    every(f) {
      for (const value of this) if (!f(value)) return false;
      return true;
    },
    find(f) {
      for (const value of this) if (f(value)) return value;
    },
    forEach(f) {
      for (const value of this) f(value);
    },
    reduce(f, ...initial) {
      return [...this].reduce(f, ...initial);
    },
  };
  for (const [name, value] of Object.entries(helpers)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}

const EPSILON = 1e-6;
const HEAD_DIM = 64;

function operations({ numpy: np, nn, grad }) {
  const gelu = (x) => nn.gelu(x, { approximate: false });

  const layerNorm = (x, weight, bias) => nn.standardize(x, -1, { epsilon: EPSILON }).mul(weight).add(bias);

  const block = (x, p) => {
    const [batch, tokens, width] = x.shape;
    const heads = width / HEAD_DIM;
    const linear = (a, name) => np.matmul(a, p[`${name}.weight`].transpose()).add(p[`${name}.bias`]);
    const norm = (a, name) => layerNorm(a, p[`${name}.weight`], p[`${name}.bias`]);
    const qkv = linear(norm(x.ref, "norm1"), "attn.qkv").reshape([batch, tokens, 3, heads, HEAD_DIM]);
    const [q, k, v] = [0, 1, 2].map((part) => qkv.ref.slice([], [], part));
    qkv.dispose();
    const context = nn.dotProductAttention(q, k, v).reshape([batch, tokens, width]);
    const middle = x.add(linear(context, "attn.proj"));
    const active = gelu(linear(norm(middle.ref, "norm2"), "mlp.fc1"));
    return middle.add(linear(active, "mlp.fc2"));
  };

  const blockOf = ({ x, ...parameters }) => block(x, parameters);

  return {
    matmul: ({ a, b }) => ({ y: np.matmul(a, b) }),
    maskedMatmul: ({ a, b, mask }) => ({ y: np.matmul(a, b.mul(mask)) }),
    softmax: ({ x }) => ({ y: nn.softmax(x, -1) }),
    layerNorm: ({ x, weight, bias }) => ({ y: layerNorm(x, weight, bias) }),
    gelu: ({ x }) => ({ y: gelu(x) }),
    saliency: ({ score, gradient, weight }) => ({ y: score.add(np.abs(gradient.mul(weight))) }),
    attention: ({ q, k, v }) => ({ y: nn.dotProductAttention(q, k, v) }),
    select: ({ scores }) => ({ y: np.sort(scores) }),
    blockForward: (values) => ({ y: blockOf(values) }),
    blockGradients: ({ dy, ...values }) => grad((given, slopes) => np.sum(blockOf(given).mul(slopes)))(values, dy),
  };
}

const NOTES = { select: "sorts all", maskedMatmul: "multiplies by the mask first" };

/** A sort finds every rank; that of the middle is asked for. */
const ofSorted = (sorted) => {
  const rank = (sorted.length >> 1) - 1;
  return { rank: Float32Array.of(rank), threshold: sorted.subarray(rank, rank + 1) };
};

export async function open() {
  installIteratorHelpers();
  const jax = await import("@jax-js/jax");
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const compute = operations(jax);
  const manifest = new URL("../node_modules/@jax-js/jax/package.json", import.meta.url);
  return {
    version: JSON.parse(readFileSync(manifest, "utf8")).version,
    device: jax.getWebGPUDevice(),
    prepare: async (kind, inputs) => {
      const values = {};
      for (const [name, { data, shape }] of Object.entries(inputs)) values[name] = jax.numpy.array(data, { shape });
      const step = jax.jit(compute[kind]);
      let results = {};
      return {
        note: NOTES[kind],
        run: async () => {
          jax.tree.dispose(results);
          results = step(jax.tree.ref(values));
          // Submits what is pending; without it nothing runs until somebody reads.
          for (const result of Object.values(results)) await result.ref.gpuBuffer();
        },
        outputs: async () => {
          const outputs = {};
          for (const [name, result] of Object.entries(results)) outputs[name] = await result.ref.data();
          return kind === "select" ? ofSorted(outputs.y) : outputs;
        },
        release: () => {
          jax.tree.dispose(results);
          jax.tree.dispose(values);
          step.dispose();
        },
      };
    },
  };
}
