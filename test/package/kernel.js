/** A host's module: one kernel on the device that the package finds, in Node and in a bundle for browsers. */
import { Gpu } from "secateur";
import { softmax } from "secateur/kernels";

/** Softmax of one row of four: e^x / sum e^x. */
export async function softmaxRow(values) {
  const gpu = await Gpu.create();
  const x = gpu.allocate(values.length * 4);
  const y = gpu.allocate(values.length * 4);
  gpu.upload(x, Float32Array.from(values));
  softmax(gpu, { x, y }, { rows: 1, columns: values.length });
  const result = Array.from(await gpu.read(y));
  gpu.destroy();
  return result;
}

globalThis.softmaxRow = softmaxRow;
