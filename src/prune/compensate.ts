/** Compensation: changes of what survives, layer by layer after a selection, so that a layer's outputs move less. */
import { UsageError } from "../errors.js";
import type { Gpu } from "../gpu/index.js";
import { foldRemovedMean } from "../kernels/fold-mean.js";
import { obsUpdate } from "../kernels/obs-update.js";
import { sparseGptSweep } from "../kernels/sparsegpt.js";
import type { Tensor } from "../tensor/index.js";

/** A linear layer some of whose weights were removed. */
export interface CompensationContext {
  readonly gpu: Gpu;
  /** Its weight is [out, in]. */
  readonly layer: { readonly name: string; readonly out: number; readonly in: number };
  /** Dense values, to be changed in place; those of removed weights may stay, as the mask hides them. */
  readonly weight: Tensor;
  /** One bit a weight, 1 = keep. */
  readonly mask: Tensor;
  /** [out], to be changed in place; undefined where the layer has none. */
  readonly bias: Tensor | undefined;
  /** Values that the saliency needs, at this layer: "inputMoment" is [in, in], "inputMean" is [in]. */
  readonly source: (name: string) => Tensor;
}

/** Called for each layer with a mask after a selection. Records work on the device and waits for nothing. */
export type Compensation = (context: CompensationContext) => void;

/** Options of the updates that solve with the second moment of a layer's inputs. */
export interface SecondMomentOptions {
  /** Added to the moment's diagonal, as a part of its mean. Default 0.01. */
  readonly damping?: number;
}

/**
 * Moves each row's kept weights to where the layer's outputs on the calibration inputs change least (Hassibi and Stork 1993; by layer Dong et al.
 * 2017): see `obsUpdate`. Needs the source inputMoment.
 */
export const obsCompensation =
  ({ damping = 0.01, iterations }: SecondMomentOptions & { readonly iterations?: number } = {}): Compensation =>
  ({ gpu, layer, weight, mask, source }) => {
    const size = { rows: layer.out, columns: layer.in, damping, iterations };
    obsUpdate(gpu, { weight, mask, moment: source("inputMoment") }, size);
  };

/**
 * Spreads the error of each removed weight over the later columns of its row (Frantar and Alistarh 2023): see `sparseGptSweep`. Faster than
 * `obsCompensation`, and leaves a larger error. Needs the source inputMoment.
 */
export const sparseGptCompensation =
  ({ damping = 0.01 }: SecondMomentOptions = {}): Compensation =>
  ({ gpu, layer, weight, mask, source }) => {
    sparseGptSweep(
      gpu,
      { weight, mask, moment: source("inputMoment") },
      { rows: layer.out, columns: layer.in, damping },
    );
  };

/**
 * Adds what the removed weights contributed on average to the layer's bias (variance-based pruning, Berisha et al. 2025): see `foldRemovedMean`.
 * Needs the source inputMean. The fold throws UsageError for a layer without a bias.
 */
export const biasFold =
  (): Compensation =>
  ({ gpu, layer, weight, mask, bias, source }) => {
    if (!bias) {
      throw new UsageError(`biasFold: expected a layer with a bias, got ${layer.name} without; use obsCompensation`);
    }
    foldRemovedMean(gpu, { weight, mask, mean: source("inputMean"), bias }, { rows: layer.out, columns: layer.in });
  };
