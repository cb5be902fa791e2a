import { describe, expect, test } from "vitest";
import { KernelError } from "../../src/errors.js";
import { map } from "../../src/kernels/map.js";
import { sharedGpu } from "../harness/gpu.js";

async function run(expression: string, name = "w") {
  const gpu = await sharedGpu();
  using _scope = gpu.scope();
  const y = gpu.allocate(16);
  map(gpu, expression, { [name]: { buffer: gpu.allocate(16) } }, { y, length: 4 });
  await gpu.sync();
}

describe("expressions that are refused, with the column", () => {
  test.each([
    ["w * q", /"q" at column 5/],
    ["w; }", /";" at column 2/],
    ["(w + 1", /the end at column 7/],
    ["w) + (1", /"\)" at column 2/],
    ["w // twice", /a comment at column 3/],
    ["", /got an empty one/],
  ])("%s", async (expression, message) => {
    await expect(run(expression)).rejects.toThrow(message);
    await expect(run(expression)).rejects.toThrow(KernelError);
  });

  test("the compiler's own message comes at the next await, placed in the expression", async () => {
    await expect(run("w +\n  max(w)")).rejects.toThrow(/map "w \+\n {2}max\(w\)": .*max.* at line 2, column 3/);
    await expect(run("w * w > 1.0")).rejects.toThrow(KernelError);
  });

  test("an input that hides a function is refused", async () => {
    await expect(run("exp * 2", "exp")).rejects.toThrow(/input names/);
  });
});

test("an expression is compiled once", async () => {
  const gpu = await sharedGpu();
  await run("w * 0.125");
  const { pipelines } = gpu.counters;
  await run("w * 0.125");
  expect(gpu.counters.pipelines).toBe(pipelines);
});
