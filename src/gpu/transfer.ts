/** Bytes between host and device. */
import { GpuError, KernelError, UsageError } from "../errors.js";
import { GpuBuffer } from "./buffer.js";
import type { Copy } from "./command.js";
import { label } from "./label.js";
import type { CommandStream } from "./stream.js";
import { whatIs } from "./what-is.js";

/** Element types that buffers can be read back as. */
export type TypedArrayConstructor =
  | Float32ArrayConstructor
  | Uint32ArrayConstructor
  | Int32ArrayConstructor
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor;

/** By name: those of another window are as good. */
const READABLE = ["Float32Array", "Uint32Array", "Int32Array", "Uint8Array", "Uint16Array"];

function checkType(type: TypedArrayConstructor): void {
  if (typeof type === "function" && READABLE.includes(type.name)) return;
  const [got, last] = [typeof type === "function" ? (type as { name: string }).name : whatIs(type), READABLE.at(-1)];
  const others = READABLE.slice(0, -1).join(", ");
  throw new UsageError(`read: expected ${others} or ${last}, got ${got || "a function"}; pass one, or nothing for f32`);
}

/** Copies `source` to the host as `type`. `check` runs when mapping fails, so that the device's own fault is the one that is thrown. */
export async function readBack<T extends TypedArrayConstructor>(
  device: GPUDevice,
  stream: CommandStream,
  source: GpuBuffer,
  type: T,
  settle: <R>(work: Promise<R>) => Promise<R>,
  check: () => Promise<void>,
): Promise<InstanceType<T>> {
  checkType(type);
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const staging = device.createBuffer({ label: label("read"), size: source.byteLength, usage });
  try {
    stream.push(copyCommand(source, new GpuBuffer(staging, 0, source.byteLength)));
    stream.flush();
    try {
      await settle(staging.mapAsync(GPUMapMode.READ));
    } catch (error) {
      await check();
      throw error;
    }
    return new type(staging.getMappedRange().slice(0)) as InstanceType<T>;
  } finally {
    staging.destroy();
  }
}

/** A copy between ranges of different buffers, in whole words. @throws KernelError where WebGPU or a neighbour's memory would be the judge. */
export function copyCommand(from: GpuBuffer, to: GpuBuffer, byteLength?: number, fromOffset = 0, toOffset = 0): Copy {
  const length = byteLength ?? Math.min(from.byteLength - fromOffset, to.byteLength - toOffset);
  for (const [what, value] of Object.entries({ byteLength: length, fromOffset, toOffset })) {
    if (!Number.isSafeInteger(value) || value < 0 || value % 4 !== 0) {
      throw new KernelError(`copy: expected ${what} in steps of 4 from 0, got ${value}; copy whole words`);
    }
  }
  for (const [what, range, offset] of [["source", from, fromOffset] as const, ["target", to, toOffset] as const]) {
    if (offset + length > range.byteLength) {
      throw new KernelError(
        `copy: expected at most ${range.byteLength} bytes of the ${what}, got ${offset}+${length}; copy less`,
      );
    }
  }
  if (from.sharesMemory(to)) {
    throw new KernelError("copy: expected two buffers, got ranges of one; copy through a third");
  }
  return { kind: "copy", from, fromOffset, to, toOffset, byteLength: length };
}

/** Writes host data into a buffer at once. The queue takes whole words only, so a ragged end is filled up with zeros. */
export function writeBytes(device: GPUDevice, target: GpuBuffer, data: ArrayBufferView, byteOffset: number): void {
  if (!ArrayBuffer.isView(data)) {
    throw new UsageError(
      `upload: expected a typed array, got ${whatIs(data)}; make one, such as Float32Array.from(numbers)`,
    );
  }
  if (data instanceof Float64Array) {
    throw new UsageError(
      "upload: expected values that kernels can read, got Float64Array; upload new Float32Array(data)",
    );
  }
  if (byteOffset % 4 !== 0 || byteOffset < 0 || byteOffset + data.byteLength > target.byteLength) {
    const expected = `at most ${target.byteLength} bytes and an offset in steps of 4`;
    throw new GpuError(`upload: expected ${expected}, got ${byteOffset}+${data.byteLength}; upload less`);
  }
  let bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const ragged = bytes.byteLength % 4;
  if (ragged !== 0) {
    const whole = new Uint8Array(bytes.byteLength + 4 - ragged);
    whole.set(bytes);
    bytes = whole;
  }
  device.queue.writeBuffer(target.raw, target.byteOffset + byteOffset, bytes);
}
