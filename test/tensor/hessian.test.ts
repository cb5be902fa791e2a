/** Hessian-vector products of whole networks against double backward in float64, and how they behave on the device. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.js";
import {
  activation,
  backward,
  crossEntropy,
  defineOp,
  hessianVectorProduct,
  linear,
  map,
  mean,
  sum,
  Tensor,
} from "../../src/tensor/index.js";
import { directional } from "../harness/directional.js";
import { constant, gradient, hessianVector } from "../harness/double-backward.js";
import * as layers from "../harness/float64-layers.js";
import { vitLoss } from "../harness/float64-vit.js";
import { sharedGpu } from "../harness/gpu.js";
import { dot } from "../harness/gradient-case.js";
import { hessianErrors, leafOf, relativeError, type TwiceDifferentiable } from "../harness/hessian.js";
import { normals } from "../harness/random.js";
import { tinyViT } from "../harness/tiny-vit.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const LABELS = [1, 3, 0];

/** 5 inputs, 7 hidden neurons, 4 classes, 3 examples, all of them leaves. */
const mlp = (smoothing: number): TwiceDifferentiable => ({
  shapes: [[3, 5], [7, 5], [7], [4, 7], [4]],
  loss([x, weight1, bias1, weight2, bias2]) {
    const hidden = activation(linear({ x, weight: weight1, bias: bias1 }, {}), "gelu");
    const logits = linear({ x: hidden, weight: weight2, bias: bias2 }, {});
    return mean(crossEntropy({ logits, labels: Tensor.from(gpu, Uint32Array.from(LABELS)) }, { smoothing }));
  },
  oracle([x, weight1, bias1, weight2, bias2]) {
    const hidden = layers.gelu(layers.linear(x, weight1, bias1, 5));
    const logits = layers.linear(hidden, weight2, bias2, 7);
    return layers.scale(layers.crossEntropy(logits, LABELS, smoothing), 1 / LABELS.length);
  },
});

const mlpValues = mlp(0).shapes.map((shape, index) =>
  normals(
    shape.reduce((a, b) => a * b),
    index + 1,
  ),
);
const mlpDirections = mlpValues.map((values, index) => normals(values.length, index + 50));

test("the oracle's gradients and products are central differences", () => {
  const { oracle } = mlp(0.1);
  const leaves = mlpValues.map(constant);
  const along = mlpValues.map((values, leaf) => [values, mlpDirections[leaf]] as const);
  const { gradients, products } = hessianVector(oracle(leaves), leaves, mlpDirections);
  const loss = (...moved: Float64Array[]) => [oracle(moved.map(constant)).values.reduce((a, b) => a + b)];
  const inner = gradients.map((values, leaf) => dot(values, mlpDirections[leaf])).reduce((a, b) => a + b);
  expect(relativeError([inner], directional(loss, along))).toBeLessThan(1e-9);
  for (const [leaf, product] of products.entries()) {
    const gradientOf = (...moved: Float64Array[]) => {
      const variables = moved.map(constant);
      return gradient(oracle(variables), variables)[leaf].values;
    };
    expect(relativeError(product, directional(gradientOf, along)), `product of leaf ${leaf}`).toBeLessThan(1e-9);
  }
});

test.each([0, 0.1])("an MLP with label smoothing %s follows double backward", async (smoothing) => {
  const errors = await hessianErrors(gpu, mlp(smoothing), mlpValues, mlpDirections);
  for (const error of errors) {
    expect(error.gradient).toBeLessThan(2e-6);
    expect(error.product).toBeLessThan(2e-6);
  }
});

describe("a tiny ViT", () => {
  const images = normals(3 * 64, 4);

  function network(seed: number) {
    const model = tinyViT(gpu, seed);
    const batch = Tensor.from(gpu, images, [LABELS.length, 1, 8, 8]);
    const labels = Tensor.from(gpu, Uint32Array.from(LABELS));
    const loss = () => mean(crossEntropy({ logits: model.forward(batch).logits, labels }, { smoothing: 0.1 }));
    return { model, loss };
  }

  const directionsOf = (model: ReturnType<typeof tinyViT>, seed: number) =>
    new Map(
      Array.from(model.parameters, ({ value }, index) => {
        return [value, Tensor.from(gpu, normals(value.size, seed + index), value.shape)];
      }),
    );

  test("follows double backward", async () => {
    const { model, loss } = network(1);
    const directions = directionsOf(model, 300);
    const { gradients, products } = hessianVectorProduct(loss(), directions);
    const parameters = await model.parameters.read();
    const variables = new Map(Array.from(parameters, ([name, { data }]) => [name, constant(data)]));
    const leaves = [...variables.values()];
    const along = await Promise.all(Array.from(directions.values(), (direction) => direction.read()));
    const want = hessianVector(vitLoss(model.config, variables, constant(images), LABELS, 0.1), leaves, along);
    for (const [index, { name, value }] of [...model.parameters].entries()) {
      const [got, product] = await Promise.all([gradients.get(value)!.read(), products.get(value)!.read()]);
      expect(relativeError(got, want.gradients[index]), `gradient of ${name}`).toBeLessThan(5e-6);
      expect(relativeError(product, want.products[index]), `product of ${name}`).toBeLessThan(5e-6);
    }
  });

  test("has a symmetric Hessian, and the gradients of backward", async () => {
    const { model, loss } = network(2);
    const u = directionsOf(model, 500);
    const v = directionsOf(model, 700);
    const first = hessianVectorProduct(loss(), v);
    const second = hessianVectorProduct(loss(), u);
    const inner = async (a: Map<Tensor, Tensor>, b: typeof first.products) => {
      let total = 0;
      let size = 0;
      for (const [leaf, direction] of a) {
        const [x, y] = await Promise.all([direction.read(), b.get(leaf)!.read()]);
        x.forEach((value, i) => {
          total += value * y[i];
          size += (value * y[i]) ** 2;
        });
      }
      return { total, size: Math.sqrt(size) };
    };
    const [uHv, vHu] = [await inner(u, first.products), await inner(v, second.products)];
    expect(Math.abs(uHv.total - vHu.total)).toBeLessThan(1e-5 * Math.max(uHv.size, vHu.size));
    const plain = backward(loss());
    for (const { name, value } of model.parameters) {
      const want = await plain.get(value)!.read();
      const largest = want.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
      // Here the slope of an activation function is a factor of its own, there a product has it in its epilogue: they round alike but for drivers.
      (await first.gradients.get(value)!.read()).forEach((gradient, i) => {
        expect(Math.abs(gradient - want[i]), name).toBeLessThan(2e-6 * largest);
      });
    }
  });

  test("gives the same bits when recorded and replayed", async () => {
    const { model, loss } = network(3);
    const directions = directionsOf(model, 900);
    const direct = hessianVectorProduct(loss(), directions);
    using recording = gpu.record(() => hessianVectorProduct(loss(), directions));
    recording.replay();
    recording.replay();
    for (const { name, value } of model.parameters) {
      expect(await recording.result.products.get(value)!.read(), name).toEqual(
        await direct.products.get(value)!.read(),
      );
    }
  });
});

test("leaves without curvature have products of zero", async () => {
  const x = leafOf(gpu, normals(6, 1), [6]);
  const unused = leafOf(gpu, normals(6, 2), [6]);
  const directions = new Map([x, unused].map((leaf) => [leaf, Tensor.from(gpu, normals(6, 3))]));
  const { gradients, products } = hessianVectorProduct(mean(x), directions);
  expect([...(await gradients.get(x)!.read())]).toEqual(Array(6).fill(Math.fround(1 / 6)));
  expect([...(await products.get(x)!.read())]).toEqual(Array(6).fill(0));
  expect(products.get(unused)).toBeUndefined();
});

test("gives intermediate gradients and tangents back", () => {
  using _scope = gpu.scope();
  const x = leafOf(gpu, normals(100 * 100, 1), [100, 100]);
  const direction = Tensor.from(gpu, normals(100 * 100, 2), [100, 100]);
  const chain = Array.from({ length: 20 }).reduce<Tensor>((value) => activation(value, "gelu"), x);
  const loss = sum(chain);
  const before = gpu.memory.inUse;
  hessianVectorProduct(loss, new Map([[x, direction]]));
  expect(gpu.memory.inUse - before).toBeLessThan(3 * 65_536);
});

test("does not touch the directions, which may share memory with each other", async () => {
  using _scope = gpu.scope();
  const x = leafOf(gpu, normals(16, 1), [4, 4]);
  const y = leafOf(gpu, normals(16, 2), [4, 4]);
  const v = Tensor.from(gpu, normals(16, 3), [4, 4]);
  const loss = sum(map("a * b", { a: x, b: y }, { a: "b", b: "a" }, { a: { b: "1.0" }, b: { a: "1.0" } }));
  const { products } = hessianVectorProduct(
    loss,
    new Map([
      [x, v],
      [y, v],
    ]),
  );
  expect(await products.get(x)!.read()).toEqual(normals(16, 3));
  expect(await v.read()).toEqual(normals(16, 3));
});

test("what cannot be is named", () => {
  const x = leafOf(gpu, normals(6, 1), [2, 3]);
  const direction = Tensor.from(gpu, normals(6, 2), [2, 3]);
  const along = new Map([[x, direction]]);
  expect(() => hessianVectorProduct(x, along)).toThrow(/hessianVectorProduct: expected a scalar, got \[2,3\]/);
  expect(() => hessianVectorProduct(mean(direction), along)).toThrow(/depends on a tensor with requiresGradient/);
  expect(() => hessianVectorProduct(mean(x), new Map([[direction, direction]]))).toThrow(
    /expected directions of leaves/,
  );
  expect(() => hessianVectorProduct(mean(x), new Map([[x, Tensor.from(gpu, new Float32Array(5))]]))).toThrow(
    /expected a direction of shape \[2,3\], got \[5\]/,
  );
  const plain = defineOp({
    name: "once",
    forward: (_, { x }: { x: Tensor }, __: undefined) => ({ out: x.detach(), saved: undefined }),
    backward: ({ gradient }) => ({ x: gradient }),
  });
  expect(() => hessianVectorProduct(mean(plain({ x }, undefined)), along)).toThrow(
    /once: expected an operation with second derivatives, got one without; add `tangent`/,
  );
  expect(() => hessianVectorProduct(mean(map("x * x", { x }, { x: "2.0 * x" })), along)).toThrow(
    /map: expected the derivative of "2.0 \* x" by x, .*; pass second.x.x/,
  );
});
