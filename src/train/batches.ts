/** Batches of a dataset in a fixed order, read one ahead while the device works. */
import type { Dataset } from "../io/dataset.js";
import { type Augmentation, augment, checkAugmentation } from "./augment.js";
import { keyedGenerator, shuffled } from "./random.js";

/** Some samples on the host. */
export interface Batch {
  /** Normalised, [size, ...sampleShape]; rows past `count` are zero. */
  readonly images: Float32Array;
  readonly labels: Uint32Array;
  /** Samples that are real; the last batch of an evaluation may be padded. */
  readonly count: number;
}

/** The batch of these samples, padded with zeros to `size`. */
export async function readBatch(dataset: Dataset, indices: Int32Array, size: number): Promise<Batch> {
  const read = await dataset.read(indices);
  const labels = new Uint32Array(size);
  indices.forEach((index, row) => {
    labels[row] = dataset.labels[index];
  });
  if (indices.length === size) return { images: read, labels, count: size };
  const images = new Float32Array((read.length / indices.length) * size);
  images.set(read);
  return { images, labels, count: indices.length };
}

/** All samples in order; the last batch is padded. */
export async function* orderedBatches(dataset: Dataset, size: number): AsyncGenerator<Batch> {
  const all = Int32Array.from({ length: dataset.length }, (_, index) => index);
  const at = (start: number) => readBatch(dataset, all.subarray(start, Math.min(start + size, dataset.length)), size);
  let next = at(0);
  for (let start = 0; start < dataset.length; start += size) {
    const batch = await next;
    if (start + size < dataset.length) {
      next = at(start + size);
      next.catch(() => {}); // reported when it is awaited
    }
    yield batch;
  }
}

/** What decides which samples a training step sees, and how they are changed. */
export interface TrainingOrder {
  readonly seed: number;
  readonly batchSize: number;
  readonly augmentation: Augmentation;
}

/** Whole batches in one pass over the data; what remains is left for other epochs, whose order differs. */
export const stepsPerEpoch = (dataset: Dataset, batchSize: number): number => Math.floor(dataset.length / batchSize);

/** The training batch of a step. It depends on the seed and the step only, so a resumed run goes on exactly. */
export class TrainingBatches {
  #epoch = -1;
  #order: Int32Array = new Int32Array();

  /** @throws UsageError for changes of images where samples are none. */
  constructor(
    private readonly dataset: Dataset,
    private readonly order: TrainingOrder,
  ) {
    checkAugmentation(order.augmentation, dataset.sampleShape);
  }

  async at(step: number): Promise<Batch> {
    const { seed, batchSize, augmentation } = this.order;
    const steps = stepsPerEpoch(this.dataset, batchSize);
    const epoch = Math.floor(step / steps);
    if (epoch !== this.#epoch) {
      this.#order = shuffled(this.dataset.length, keyedGenerator(seed, epoch));
      this.#epoch = epoch;
    }
    const start = (step % steps) * batchSize;
    const indices = this.#order.slice(start, start + batchSize);
    const batch = await readBatch(this.dataset, indices, batchSize);
    augment(batch.images, this.dataset.sampleShape, indices, augmentation, { seed, epoch });
    return batch;
  }
}
