/** Bytes between host and device. */
import type { GpuBuffer } from "./buffer.js";
import type { CommandStream } from "./stream.js";

/** Element types that buffers can be read back as. */
export type TypedArrayConstructor =
  | Float32ArrayConstructor
  | Uint32ArrayConstructor
  | Int32ArrayConstructor
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor;

/** Copies `source` to the host as `type`. `check` runs when mapping fails, so that the device's own fault is the one that is thrown. */
export async function readBack<T extends TypedArrayConstructor>(
  device: GPUDevice,
  stream: CommandStream,
  source: GpuBuffer,
  type: T,
  settle: <R>(work: Promise<R>) => Promise<R>,
  check: () => void,
): Promise<InstanceType<T>> {
  const { raw, byteOffset, byteLength } = source;
  const staging = device.createBuffer({ size: byteLength, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  try {
    stream.push({ kind: "copy", from: raw, fromOffset: byteOffset, to: staging, toOffset: 0, byteLength });
    stream.flush();
    try {
      await settle(staging.mapAsync(GPUMapMode.READ));
    } catch (error) {
      check();
      throw error;
    }
    return new type(staging.getMappedRange().slice(0)) as InstanceType<T>;
  } finally {
    staging.destroy();
  }
}

/** Writes host data into a buffer at once. The queue takes whole words only, so a ragged end is filled up with zeros. */
export function writeBytes(device: GPUDevice, target: GpuBuffer, data: ArrayBufferView, byteOffset: number): void {
  let bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const ragged = bytes.byteLength % 4;
  if (ragged !== 0) {
    const whole = new Uint8Array(bytes.byteLength + 4 - ragged);
    whole.set(bytes);
    bytes = whole;
  }
  device.queue.writeBuffer(target.raw, target.byteOffset + byteOffset, bytes);
}
