/** N:M patterns over the weights of layers. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { type Pattern, selectPattern } from "../kernels/select-pattern.js";
import type { Tensor } from "../tensor/index.js";
import type { PlacedGroup } from "./units.js";

/** @throws UsageError for units that are not the single weights of layers, or inputs that are not whole runs. */
export function checkPatternFits(groups: readonly PlacedGroup[], { keep, run }: Pattern): void {
  for (const { name, inputs, offset } of groups) {
    if (inputs === undefined) {
      throw new UsageError(
        `pattern: expected the single weights of layers, got ${name}; use granularity weight and protect biases and norms`,
      );
    }
    if (inputs % run !== 0 || offset % run !== 0) {
      throw new UsageError(
        `pattern: expected inputs in steps of ${run} for ${keep}:${run}, got ${inputs} in ${name}; leave that layer out`,
      );
    }
  }
}

/** Keeps the highest of every run of weights along the inputs. */
export function selectInRuns(
  gpu: Gpu,
  buffers: { readonly scores: Tensor; readonly keep: Tensor },
  groups: readonly PlacedGroup[],
  pattern: Pattern,
): void {
  for (const { offset, units } of groups) selectPattern(gpu, buffers, { offset, count: units, ...pattern });
}
