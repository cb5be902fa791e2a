/** Must type-check against the packed declarations. */
import { Gpu } from "secateur";
import { softmax } from "secateur/kernels";

export async function softmaxRow(device: GPUDevice, values: Float32Array): Promise<Float32Array> {
  const gpu = Gpu.from(device);
  const x = gpu.allocate(values.byteLength);
  const y = gpu.allocate(values.byteLength);
  gpu.upload(x, values);
  softmax(gpu, { x, y }, { rows: 1, columns: values.length });
  // @ts-expect-error a misspelt binding
  softmax(gpu, { x, z: y }, { rows: 1, columns: values.length });
  return gpu.read(y);
}
