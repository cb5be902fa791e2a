/** Devices that are opened, closed and lost: each test has its own. */
import { expect, test } from "vitest";
import { platform } from "#platform";
import { GpuError, UsageError } from "../../src/errors.js";
import { Gpu, type GpuBuffer } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";

/** Every way to use a device. */
function uses(gpu: Gpu, x: GpuBuffer, encoder: GPUCommandEncoder): Record<string, () => unknown> {
  return {
    allocate: () => gpu.allocate(16),
    upload: () => gpu.upload(x, new Float32Array(4)),
    copy: () => gpu.copy(x, x),
    clear: () => gpu.clear(x),
    scope: () => gpu.scope(),
    fill: () => fill(gpu, { y: x }, { length: 4, value: 0 }),
    record: () => gpu.record(() => 0),
    recordInto: () => gpu.recordInto(encoder, () => 0),
    sync: () => gpu.sync(),
    read: () => gpu.read(x),
    profile: () => gpu.profile(() => {}),
    warmUp: () => gpu.warmUp([]),
    verify: () => gpu.verify(),
  };
}

const outcome = async (use: () => unknown) => use();

test("after destroy every use is an error that says so", async () => {
  const gpu = await Gpu.create();
  const x = gpu.allocate(16);
  const recording = gpu.record(() => fill(gpu, { y: x }, { length: 4, value: 0 }));
  const encoder = gpu.device.createCommandEncoder();
  gpu.destroy();
  gpu.destroy();
  for (const [name, use] of Object.entries({ ...uses(gpu, x, encoder), recording: () => recording.replay() })) {
    await expect(outcome(use), name).rejects.toThrow(
      new GpuError(`${name}: expected an open device, got one after destroy(); create a new Gpu`),
    );
  }
  recording[Symbol.dispose]();
  gpu.release(x);
});

test("destroy takes the memory of recordings along", async () => {
  const owner = await Gpu.create();
  const guest = Gpu.from(owner.device);
  const recording = guest.record(() => guest.allocate(1024));
  expect(guest.memory.allocated).toBeGreaterThanOrEqual(1024);
  guest.destroy();
  expect(guest.memory).toMatchObject({ allocated: 0, inUse: 0, buffers: 0 });
  expect(recording.result.alive).toBe(false);
  owner.destroy();
});

test("a lost device is a clear error at every use", async () => {
  const gpu = await Gpu.create();
  const x = gpu.allocate(16);
  const encoder = gpu.device.createCommandEncoder();
  gpu.device.destroy(); // the closest to a loss that can be caused on purpose
  await gpu.device.lost;
  for (const [name, use] of Object.entries(uses(gpu, x, encoder))) {
    await expect(outcome(use), name).rejects.toThrow(/device lost: .*create a new Gpu/);
  }
  gpu.destroy();
});

test("the host's device is used and left alone", async () => {
  const owner = await Gpu.create();
  let lost = false;
  owner.device.lost.then(() => {
    lost = true;
  });
  const guest = Gpu.from(owner.device);
  const x = guest.allocate(16);
  fill(guest, { y: x }, { length: 4, value: 4 });
  expect(await guest.read(x)).toEqual(new Float32Array(4).fill(4));
  guest.destroy();
  const y = owner.allocate(16);
  fill(owner, { y }, { length: 4, value: 5 });
  expect((await owner.read(y))[0]).toBe(5);
  expect(lost).toBe(false);
  owner.destroy();
});

test("an adapter that the caller passes is used, and named by what it is", async () => {
  const { adapter, kind } = await platform.openAdapter();
  const gpu = await Gpu.create({ adapter });
  expect(gpu.info.reason).toBe("the caller passed it");
  if (kind === "browser") expect(["hardware", "lavapipe", "swiftshader", "host"]).toContain(gpu.info.kind);
  else expect(gpu.info.kind).toBe(kind);
  gpu.destroy();
});

test("options that there are not are refused", async () => {
  const create = (options: unknown) => Gpu.create(options as Record<string, never>);
  const known = "adapter, kind, tuning";
  await expect(create({ tunning: {} })).rejects.toThrow(
    new UsageError(`Gpu.create: expected an option among ${known}, got tunning; correct it in the call`),
  );
  for (const wrong of ["lavapipe", null]) {
    await expect(create(wrong)).rejects.toThrow(
      new UsageError(
        `Gpu.create: expected options { ${known} }, got ${JSON.stringify(wrong)}; pass them as one object`,
      ),
    );
  }
  await expect(create({ adapter: "cuda" })).rejects.toThrow(
    new UsageError(
      'Gpu.create: expected a GPUAdapter as adapter, got "cuda"; choose by name with kind, such as "hardware"',
    ),
  );
});

test("a kind of adapter that the caller asks for is used", async () => {
  const shared = await sharedGpu();
  const kind = shared.info.kind;
  await expect(Gpu.create({ kind: "quantum" as "hardware" })).rejects.toThrow(/expected .*got "quantum"/);
  const again = await Gpu.create({ kind });
  expect(again.info.kind).toBe(kind);
  again.destroy();
});
