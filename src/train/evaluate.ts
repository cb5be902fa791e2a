/** Accuracy of a model over a dataset: one recorded forward pass, replayed for each batch. */
import { UsageError } from "../errors.js";
import type { Dataset } from "../io/dataset.js";
import { quote } from "../io/text.js";
import type { ForwardOptions } from "../nn/forward-options.js";
import type { Model } from "../nn/model.js";
import { ModelRecording } from "../nn/model-recording.js";
import { Tensor, withoutHistory } from "../tensor/index.js";
import { orderedBatches } from "./batches.js";
import { type Metrics, MetricsMeter } from "./metrics.js";

/** Batch size, progress and what to do with logits. */
export interface EvaluateOptions {
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** What the passes substitute, and who observes them. */
  readonly forward?: Omit<ForwardOptions, "training">;
  /** Called after each batch with the number of examples done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Receives the logits of each example in data order. */
  readonly onLogits?: (logits: Float32Array, count: number) => void;
}

const DEFAULT_BATCH = 16;

/** @throws UsageError for what is no dataset; the signal's reason when it is aborted. */
export async function evaluate(model: Model, dataset: Dataset, options: EvaluateOptions = {}): Promise<Metrics> {
  if (typeof dataset?.read !== "function") {
    const got = typeof dataset === "string" ? quote(dataset) : typeof dataset;
    throw new UsageError(
      `data: expected a Dataset, got ${got}; openDataset(path, model.config) makes one of a file or folder`,
    );
  }
  const { gpu } = model;
  const batchSize = Math.min(options.batchSize ?? DEFAULT_BATCH, dataset.length);
  const images = Tensor.zeros(gpu, [batchSize, ...dataset.sampleShape]);
  const forward = new ModelRecording(model, () => withoutHistory(() => model.forward(images, options.forward).logits));
  const meter = new MetricsMeter();
  let done = 0;
  try {
    for await (const { images: data, labels, count } of orderedBatches(dataset, batchSize)) {
      options.signal?.throwIfAborted();
      images.write(data);
      const logits = await forward.replay().read();
      meter.add(logits, labels, count);
      options.onLogits?.(logits.subarray(0, (count * logits.length) / batchSize), count);
      done += count;
      options.onProgress?.(done, dataset.length);
    }
  } finally {
    forward.release();
    gpu.release(images);
  }
  return meter.metrics;
}
