import { expect, test } from "vitest";
import { type BenchNetwork, SETTINGS } from "../../bench/networks.js";
import { prepareRecorded, type Work } from "../../bench/recorded-step.js";
import { fill } from "../../src/kernels/fill.js";
import { Tensor } from "../../src/tensor/index.js";
import { sharedGpu } from "../harness/gpu.js";

const LENET = SETTINGS.find(({ name }) => name.startsWith("LeNet"))!;

/** A step that computes the next of `values` with each network. */
function filling(...values: number[]): (network: BenchNetwork) => Work {
  return ({ gpu }) => {
    const value = values.shift()!;
    return {
      run: () => {
        const y = Tensor.zeros(gpu, [4]);
        fill(gpu, { y }, { length: 4, value });
        return { y };
      },
    };
  };
}

test.each([
  ["agrees with itself unrecorded", [3, 3], undefined],
  ["computes something else unrecorded", [3, 2], "y: expected 2 at element 0, as without recording, got 3"],
  ["computes no number", [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], "got Infinity"],
])("a recorded step that %s", async (_, values, message) => {
  const gpu = await sharedGpu();
  const held = gpu.memory.inUse;
  {
    using row = await prepareRecorded(gpu, LENET, filling(...values));
    row.run();
    if (message === undefined) await row.check!();
    else await expect(row.check!()).rejects.toThrow(message);
  }
  expect(gpu.memory.inUse).toBe(held);
});
