/** Accuracy with progress shown. */

import type { Dataset } from "../io/dataset.js";
import type { Model } from "../nn/index.js";
import { evaluate, type Metrics } from "../train/index.js";
import type { Progress } from "./progress.js";

export interface MeasureOptions {
  readonly signal: AbortSignal;
  /** Counts one for each image. */
  readonly progress: Progress;
  readonly label: string;
  readonly batchSize?: number;
}

export function measure(model: Model, data: Dataset, options: MeasureOptions): Promise<Metrics> {
  const { signal, progress, label, batchSize } = options;
  let before = 0;
  const onProgress = (done: number) => {
    progress.advance(done - before, label);
    before = done;
  };
  return evaluate(model, data, { batchSize, signal, onProgress });
}
