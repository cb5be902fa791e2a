/** Devices that are opened, closed and lost: each test has its own. */
import { expect, test } from "vitest";
import { Gpu } from "../../src/gpu/index.js";
import { fill } from "../../src/kernels/fill.js";
import { sharedGpu } from "../harness/gpu.js";

test("after destroy every use is an error that says so", async () => {
  const gpu = await Gpu.create();
  const x = gpu.allocate(16);
  gpu.destroy();
  gpu.destroy();
  expect(() => fill(gpu, { y: x }, { length: 4, value: 0 })).toThrow(/fill: expected an open device/);
});

test("a lost device is a clear error at every await", async () => {
  const gpu = await Gpu.create();
  gpu.device.destroy(); // the closest to a loss that can be caused on purpose
  await gpu.device.lost;
  await expect(gpu.sync()).rejects.toThrow(/device lost: .*create a new Gpu/);
  await expect(gpu.sync()).rejects.toThrow(/device lost/);
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

test("an adapter that the caller passes is used", async () => {
  const shared = await sharedGpu();
  const kind = shared.info.kind;
  await expect(Gpu.create({ kind: "quantum" as "hardware" })).rejects.toThrow(/expected .*got "quantum"/);
  const again = await Gpu.create({ kind });
  expect(again.info.kind).toBe(kind);
  again.destroy();
});
