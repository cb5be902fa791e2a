import { describe, expect, test } from "vitest";
import { randomNormal, randomUniform } from "../../src/kernels/random.js";
import { sharedGpu } from "../harness/gpu.js";
import { philox } from "../harness/philox.js";

test("the oracle is Philox 4x32-10: known answers of its authors", () => {
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const ones = 0xffffffff;
  expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});

describe("random numbers on the GPU", () => {
  async function draw(
    kernel: typeof randomUniform,
    state: [seed: number, step: number],
    stream: number,
    length: number,
  ) {
    const gpu = await sharedGpu();
    using _scope = gpu.scope();
    const buffers = { y: gpu.allocate(length * 4), state: gpu.allocate(8) };
    gpu.upload(buffers.state, Uint32Array.from(state));
    kernel(gpu, buffers, { length, stream });
    return gpu.read(buffers.y);
  }

  const moment = (values: Float32Array, power: number) =>
    values.reduce((sum, value) => sum + value ** power, 0) / values.length;

  test("uniform and normal numbers have the moments of their distributions", async () => {
    const length = 200_000; // standard errors of the moments are below 0.01
    const uniform = await draw(randomUniform, [1, 0], 0, length);
    expect(moment(uniform, 1)).toBeCloseTo(1 / 2, 2);
    expect(moment(uniform, 2)).toBeCloseTo(1 / 3, 2);
    const normal = await draw(randomNormal, [1, 0], 0, length);
    expect(moment(normal, 1)).toBeCloseTo(0, 1);
    expect(moment(normal, 2)).toBeCloseTo(1, 1);
    expect(moment(normal, 4)).toBeCloseTo(3, 0);
  });

  test("seed, step and stream each change the numbers; the same three repeat them", async () => {
    const base = await draw(randomUniform, [1, 2], 3, 64);
    expect(await draw(randomUniform, [1, 2], 3, 64)).toEqual(base);
    for (const [state, stream] of [
      [[2, 2], 3],
      [[1, 3], 3],
      [[1, 2], 4],
    ] as const) {
      expect(await draw(randomUniform, [...state], stream, 64)).not.toEqual(base);
    }
  });
});
