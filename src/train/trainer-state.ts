/** A training between two steps, besides the weights. */
import { UsageError } from "../errors.js";
import type { FloatTensor } from "../io/safetensors.js";
import type { Tensor } from "../tensor/index.js";

/** Everything that a run needs to go on exactly where it stood, besides the weights. */
export interface TrainerState {
  readonly step: number;
  readonly moments: ReadonlyMap<string, FloatTensor>;
  /** The averaged weights by the parameters' names, where an average is kept. */
  readonly average?: ReadonlyMap<string, FloatTensor>;
}

/** @throws UsageError for the first tensor that a state lacks, or has in another shape. */
export function checkSaved(saved: ReadonlyMap<string, FloatTensor>, wanted: ReadonlyMap<string, Tensor>): void {
  for (const [name, { shape }] of wanted) {
    const got = saved.get(name)?.shape;
    if (got?.join() === shape.join()) continue;
    throw new UsageError(
      `resume: expected a state with ${name} of shape [${shape}], got ${got ? `[${got}]` : "none"}; resume with the options it was saved with`,
    );
  }
}
