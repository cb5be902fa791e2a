/** Path attention on the tape: what its shares add up to, and that its gradients conserve what flows through each head. */
import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import { backward, pathAttention, Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";
import { normals, uniforms } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

test("equal keys give the mean of the values to each query", async () => {
  const [tokens, heads, headDim] = [7, 2, 5];
  const width = heads * headDim;
  const key = uniforms(width, 1, 0.1);
  const qkv = uniforms(tokens * 3 * width, 2);
  for (let t = 0; t < tokens; t++) qkv.set(key, (3 * t + 1) * width);
  const out = await pathAttention(Tensor.from(gpu, qkv, [1, tokens, 3 * width]), { heads }).read();
  for (let c = 0; c < width; c++) {
    let mean = 0;
    for (let t = 0; t < tokens; t++) mean += qkv[(3 * t + 2) * width + c] / tokens;
    for (let t = 0; t < tokens; t++) expect(out[t * width + c]).toBeCloseTo(mean, 6);
  }
});

test("a query without any path gets nothing and passes nothing on", async () => {
  const qkv = Tensor.from(gpu, uniforms(3 * 12, 3).fill(0, 12, 16), [1, 3, 12]); // q of the second of three tokens
  qkv.requiresGradient = true;
  const out = pathAttention(qkv, { heads: 2 });
  const only = new Float32Array(12).fill(1, 4, 8);
  const gradient = await backward(out, Tensor.from(gpu, only, [1, 3, 4]))
    .get(qkv)!
    .read();
  expect([...(await out.read()).subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  expect([...gradient]).toEqual(new Array(36).fill(0));
});

test.each([
  ["of any sign", normals],
  ["not negative", uniforms],
] as const)("queries, keys, values and result of a head carry the same flow, gradients %s", async (_, draw) => {
  const [batch, tokens, heads, headDim] = [2, 11, 3, 6];
  const width = heads * headDim;
  const values = uniforms(batch * tokens * 3 * width, 4);
  const upstream = draw(batch * tokens * width, 5);
  const qkv = Tensor.from(gpu, values, [batch, tokens, 3 * width]);
  qkv.requiresGradient = true;
  const out = pathAttention(qkv, { heads });
  const gradient = await backward(out, Tensor.from(gpu, upstream, out.shape))
    .get(qkv)!
    .read();
  const result = await out.read();
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const flows = [0, 0, 0, 0]; // through q, k, v and out
      let size = 0;
      for (let token = b * tokens; token < (b + 1) * tokens; token++) {
        for (let c = h * headDim; c < (h + 1) * headDim; c++) {
          for (let part = 0; part < 3; part++) {
            const at = (3 * token + part) * width + c;
            flows[part] += values[at] * gradient[at];
          }
          const flow = result[token * width + c] * upstream[token * width + c];
          flows[3] += flow;
          size += Math.abs(flow);
        }
      }
      for (const flow of flows) expect(Math.abs(flow - flows[3]) / size).toBeLessThan(1e-6);
      expect(size).toBeGreaterThan(1);
    }
  }
});

test("wrong shapes are named", () => {
  expect(() => pathAttention(Tensor.zeros(gpu, [2, 5, 16]), { heads: 2 })).toThrow(
    /pathAttention: expected qkv \[batch, tokens, 3 \* 2 heads \* headDim\], got \[2,5,16\]/,
  );
});
