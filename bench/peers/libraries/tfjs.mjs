/** TensorFlow.js with its WebGPU backend. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);

const PACKAGES = `export * from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-backend-webgpu";
`;

/** One bundle of both packages: they must share one core, and only its ES modules register all gradients, which Node cannot import as they are. */
async function load() {
  const manifest = require.resolve("@tensorflow/tfjs-core/package.json");
  const outfile = join(dirname(manifest), "../../.cache/tfjs.mjs");
  await build({
    stdin: { contents: PACKAGES, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    logLevel: "error",
  });
  globalThis.require ??= require; // its platform for Node looks for it
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  return { tf: await import(pathToFileURL(outfile).href), version };
}

/** [batch, second, third, last] <-> [batch, third, second, last] */
function swapMiddle({ data, shape: [batch, second, third, last] }) {
  const swapped = new Float32Array(data.length);
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < second; s++) {
      for (let t = 0; t < third; t++) {
        const from = ((b * second + s) * third + t) * last;
        swapped.set(data.subarray(from, from + last), ((b * third + t) * second + s) * last);
      }
    }
  }
  return { data: swapped, shape: [batch, third, second, last] };
}

const transposed = ({ data, shape: [rows, columns] }) => {
  const { data: swapped } = swapMiddle({ data, shape: [1, rows, columns, 1] });
  return { data: swapped, shape: [columns, rows] };
};

/** Heads in front of tokens, and matrices of a block as [in, out], in which it multiplies faster. Both are their own inverses. */
function arranged(kind, { data, shape }) {
  if (kind === "attention") return swapMiddle({ data, shape });
  return kind.startsWith("block") && shape.length === 2 ? transposed({ data, shape }) : { data, shape };
}

const EPSILON = 1e-6;
const HEAD_DIM = 64;
/** More than a top 1,000 takes minutes. */
const LARGEST = 1000;

function operations(tf) {
  const gelu = (x) => x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1));

  const layerNorm = (x, weight, bias) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return x
      .sub(mean)
      .mul(tf.rsqrt(variance.add(EPSILON)))
      .mul(weight)
      .add(bias);
  };

  /** q, k, v: [batch, heads, tokens, headDim] */
  const attention = (q, k, v) => {
    const scores = tf.matMul(q, k, false, true).mul(q.shape[3] ** -0.5);
    return tf.matMul(tf.softmax(scores), v);
  };

  const block = (x, p) => {
    const [batch, tokens, width] = x.shape;
    const heads = width / HEAD_DIM;
    const linear = (a, name) => tf.fused.matMul({ a, b: p[`${name}.weight`], bias: p[`${name}.bias`] });
    const norm = (a, name) => layerNorm(a, p[`${name}.weight`], p[`${name}.bias`]);
    const rows = x.reshape([batch * tokens, width]);
    const qkv = linear(norm(rows, "norm1"), "attn.qkv").reshape([batch, tokens, 3, heads, HEAD_DIM]);
    const [q, k, v] = tf.unstack(qkv.transpose([2, 0, 3, 1, 4]));
    const context = attention(q, k, v)
      .transpose([0, 2, 1, 3])
      .reshape([batch * tokens, width]);
    const middle = rows.add(linear(context, "attn.proj"));
    const active = gelu(linear(norm(middle, "norm2"), "mlp.fc1"));
    return middle.add(linear(active, "mlp.fc2")).reshape(x.shape);
  };

  return {
    matmul: ({ a, b }) => ({ y: tf.matMul(a, b) }),
    maskedMatmul: ({ a, b, mask }) => ({ y: tf.matMul(a, b.mul(mask)) }),
    softmax: ({ x }) => ({ y: tf.softmax(x) }),
    layerNorm: ({ x, weight, bias }) => ({ y: layerNorm(x, weight, bias) }),
    gelu: ({ x }) => ({ y: gelu(x) }),
    saliency: ({ score, gradient, weight }) => ({ y: score.add(tf.abs(gradient.mul(weight))) }),
    attention: ({ q, k, v }) => ({ y: attention(q, k, v) }),
    select: ({ scores }) => ({
      threshold: tf.topk(scores, LARGEST).values.slice([LARGEST - 1], [1]),
      rank: tf.tensor1d([scores.size - LARGEST]),
    }),
    blockForward: ({ x, ...parameters }) => ({ y: block(x, parameters) }),
    blockGradients: ({ dy, ...values }) => {
      const names = Object.keys(values);
      const f = (...given) => {
        const { x, ...parameters } = Object.fromEntries(names.map((name, i) => [name, given[i]]));
        return block(x, parameters);
      };
      const gradients = tf.grads(f)(Object.values(values), dy);
      return Object.fromEntries(names.map((name, i) => [name, gradients[i]]));
    },
  };
}

const NOTES = { select: `top ${LARGEST} only`, maskedMatmul: "multiplies by the mask first" };

export async function open() {
  const { tf, version } = await load();
  await tf.setBackend("webgpu");
  await tf.ready();
  const backend = tf.backend();
  const compute = operations(tf);
  return {
    version,
    device: backend.device,
    prepare: async (kind, inputs) => {
      const values = {};
      for (const [name, value] of Object.entries(inputs)) {
        const { data, shape } = arranged(kind, value);
        values[name] = tf.tensor(data, shape);
      }
      let results = {};
      return {
        note: NOTES[kind],
        run: () => {
          tf.dispose(results);
          results = tf.tidy(() => compute[kind](values));
          backend.endComputePassEncoder();
          backend.submitQueue();
        },
        outputs: async () => {
          const outputs = {};
          for (const [name, result] of Object.entries(results)) {
            const data = await result.data();
            outputs[name] = arranged(kind, { data, shape: result.shape }).data;
          }
          return outputs;
        },
        release: () => tf.dispose([results, values]),
      };
    },
  };
}
