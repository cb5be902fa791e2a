import { FormatError } from "../errors.js";
import type { SampleArrays } from "./dataset.js";

const imageBytes = 3 * 32 * 32;
const recordBytes = 1 + imageBytes;

/**
 * Joins batches of CIFAR-10's binary version: records of one label byte and 3 x 32 x 32 planar RGB bytes.
 *
 * @throws FormatError for a batch that is not a whole number of records.
 */
export function cifar10Samples(
  batches: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  classNames?: ReadonlyMap<number, string>,
): SampleArrays {
  for (const { name, bytes } of batches) {
    if (bytes.length > 0 && bytes.length % recordBytes === 0) continue;
    throw new FormatError(
      `${name}: expected CIFAR-10 records of ${recordBytes} bytes, got ${bytes.length} bytes; fetch the file again`,
    );
  }
  const count = batches.reduce((sum, { bytes }) => sum + bytes.length / recordBytes, 0);
  const data = new Uint8Array(count * imageBytes);
  const labels = new Uint8Array(count);
  let sample = 0;
  for (const { bytes } of batches) {
    for (let at = 0; at < bytes.length; at += recordBytes, sample++) {
      labels[sample] = bytes[at];
      data.set(bytes.subarray(at + 1, at + recordBytes), sample * imageBytes);
    }
  }
  return { shape: [count, 3, 32, 32], data, labels, classNames };
}
