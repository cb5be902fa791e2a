/** Calibration data: a dataset, or batches of the host's own. Read once for each pass, so an iterable must be able to start again. */
import { UsageError } from "../../errors.js";
import type { Dataset } from "../../io/dataset.js";
import { sizeOf, Tensor } from "../../tensor/index.js";
import { readBatch } from "../../train/batches.js";

/** Examples that lie on the host or, as tensors over buffers of the host's own, on the device. */
export interface CalibrationBatch {
  /** Normalised, row-major [labels.length, ...sample]. */
  readonly images: Float32Array | Tensor;
  readonly labels: ArrayLike<number>;
}

/** Batches of any sizes; each starts again whenever it is iterated. */
export type CalibrationBatches = Iterable<CalibrationBatch> | AsyncIterable<CalibrationBatch>;

/** What saliencies are computed over. */
export type Calibration = Dataset | CalibrationBatches;

const isDataset = (calibration: Calibration): calibration is Dataset => "sampleShape" in calibration;

/** Batches of `size` examples, or of one; undefined where only iterating would tell. */
export function batchCount(calibration: Calibration, size: number): number | undefined {
  return isDataset(calibration) ? Math.ceil(calibration.length / size) : undefined;
}

/** All examples in order. Batches of the host's own keep their sizes, unless single examples are wanted. The next batch of a dataset is read ahead. */
export async function* readCalibration(calibration: Calibration, size: number): AsyncGenerator<CalibrationBatch> {
  if (isDataset(calibration)) {
    if (calibration.length === 0) {
      throw new UsageError(`calibration: expected examples in ${calibration.source}, got none; pass others`);
    }
    yield* datasetBatches(calibration, size);
  } else {
    let batches = 0;
    for await (const batch of calibration) {
      batches++;
      if (size === 1) yield* singly(batch);
      else yield batch;
    }
    if (batches === 0) {
      throw new UsageError(
        "calibration: expected batches, got none; pass an iterable that can start again, such as an array",
      );
    }
  }
}

async function* datasetBatches(dataset: Dataset, size: number): AsyncGenerator<CalibrationBatch> {
  const read = (start: number) => {
    const count = Math.min(size, dataset.length - start);
    return readBatch(
      dataset,
      Int32Array.from({ length: count }, (_, row) => start + row),
      count,
    );
  };
  let next = read(0);
  for (let start = 0; start < dataset.length; start += size) {
    const batch = await next;
    if (start + size < dataset.length) {
      next = read(start + size);
      next.catch(() => {}); // reported when it is awaited
    }
    yield batch;
  }
}

function* singly({ images, labels }: CalibrationBatch): Generator<CalibrationBatch> {
  const each = (images instanceof Tensor ? images.size : images.length) / labels.length;
  for (let row = 0; row < labels.length; row++) {
    const example = Uint32Array.of(labels[row]);
    if (!(images instanceof Tensor)) yield { images: images.subarray(row * each, (row + 1) * each), labels: example };
    else {
      const { gpu, buffer, shape } = images;
      const view = buffer.view(row * each * 4, each * 4);
      yield { images: new Tensor(gpu, view, [1, ...shape.slice(1)]), labels: example };
    }
  }
}

/** Brings a batch into the tensors of a recorded step. */
export function loadBatch(
  { images, labels }: CalibrationBatch,
  step: { readonly images: Tensor; readonly labels: Tensor },
): void {
  const held = images instanceof Tensor ? images.size : images.length;
  if (held !== sizeOf(step.images.shape)) {
    throw new UsageError(
      `calibration: expected ${labels.length} examples of [${step.images.shape.slice(1)}], got ${held} values; check the batch`,
    );
  }
  if (images instanceof Tensor) step.images.gpu.copy(images.buffer, step.images.buffer, held * 4);
  else step.images.write(images);
  step.labels.write(Uint32Array.from(labels));
}
