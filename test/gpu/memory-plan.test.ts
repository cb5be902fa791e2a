import { beforeAll, expect, test } from "vitest";
import { GpuError } from "../../src/errors.js";
import type { Gpu } from "../../src/gpu/index.js";
import { type Life, planMemory } from "../../src/gpu/memory-plan.js";
import { add } from "../../src/kernels/add.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";
import { uniforms } from "../harness/random.js";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});

const KILOBYTE = 1024;
const bytes = (lives: readonly { size: number }[]) => lives.reduce((total, { size }) => total + size, 0);

test("buffers whose lives do not meet share memory, a smaller one that of a larger", () => {
  const [large, small, between] = [
    { size: 8, first: 0, last: 3 },
    { size: 2, first: 4, last: 6 },
    { size: 4, first: 3, last: 4 },
  ];
  expect(planMemory([small, between, large])).toEqual([
    { size: 8, tenants: [large, small] },
    { size: 4, tenants: [between] },
  ]);
});

test("no two tenants of a slot are needed at once, and all slots are little more than what is needed at once", () => {
  const random = uniforms(600, 1);
  const lives: Life[] = Array.from({ length: 200 }, (_, i) => {
    const first = Math.floor(random[3 * i] * 300);
    return { size: 1 + Math.floor(random[3 * i + 1] * 50), first, last: first + Math.floor(random[3 * i + 2] * 60) };
  });
  const slots = planMemory(lives);
  expect(slots.flatMap(({ tenants }) => tenants)).toHaveLength(lives.length);
  for (const { size, tenants } of slots) {
    for (const [i, a] of tenants.entries()) {
      expect(a.size).toBeLessThanOrEqual(size);
      for (const b of tenants.slice(i + 1)) expect(a.last < b.first || b.last < a.first).toBe(true);
    }
  }
  const needed = Array.from({ length: 360 }, (_, at) => bytes(lives.filter((l) => l.first <= at && at <= l.last)));
  expect(bytes(slots)).toBeLessThan(1.3 * Math.max(...needed));
});

test("a recording's temporaries take turns in their memory; what is not released has its own", async () => {
  const length = KILOBYTE;
  const before = gpu.memory.allocated;
  using recording = gpu.record(() => {
    const one = gpu.allocate(4 * length);
    fill(gpu, { y: one }, { length, value: 1 });
    let sum = one;
    for (let i = 0; i < 20; i++) {
      const next = gpu.allocate(4 * length);
      add(gpu, { a: sum, b: one, y: next }, { length });
      if (sum !== one) gpu.release(sum);
      sum = next;
    }
    return { one, sum };
  });
  // one, the result, and two that take turns.
  expect(gpu.memory.allocated - before).toBe(4 * 4 * length);
  recording.replay();
  recording.replay();
  expect(await gpu.read(recording.result.sum)).toEqual(new Float32Array(length).fill(21));
  expect(await gpu.read(recording.result.one)).toEqual(new Float32Array(length).fill(1));
});

test("what a recording released cannot be used after it, and a place is not there before its end", () => {
  using recording = gpu.record(() => {
    using _scope = gpu.scope();
    const y = gpu.allocate(40);
    fill(gpu, { y }, { length: 10, value: 1 });
    expect(() => y.raw).toThrow(GpuError);
    expect(() => y.view(0, 4 * KILOBYTE)).toThrow(/view: expected a part of 256 bytes, got 0\+4096/);
    return y;
  });
  expect(() => fill(gpu, { y: recording.result }, { length: 10, value: 1 })).toThrow(/expected a live buffer/);
});

test("a part of a part of a temporary is the recording's own, and replays when the temporary is released", async () => {
  const out = gpu.allocate(40);
  using recording = gpu.record(() => {
    using _scope = gpu.scope();
    const whole = gpu.allocate(4 * KILOBYTE);
    fill(gpu, { y: whole }, { length: KILOBYTE, value: 3 });
    gpu.copy(whole.view(1024, 2048).view(256, 40), out);
  });
  recording.replay();
  expect(await gpu.read(out)).toEqual(new Float32Array(10).fill(3));
  gpu.release(out);
});

test("each replay is one submission, however long it is", async () => {
  const y = gpu.allocate(40);
  using recording = gpu.record(() => {
    for (let i = 0; i < 700; i++) fill(gpu, { y }, { length: 10, value: i });
  });
  await gpu.sync();
  const { queue } = gpu.device;
  const submit = queue.submit;
  let submissions = 0;
  queue.submit = (buffers) => {
    submissions++;
    submit.call(queue, buffers);
  };
  const before = gpu.hostTime;
  recording.replay();
  await gpu.sync();
  queue.submit = submit;
  expect(submissions).toBe(1);
  expect(gpu.hostTime).toBeGreaterThan(before);
  expect((await gpu.read(y))[0]).toBe(699);
  gpu.release(y);
});
