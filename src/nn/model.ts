/** What every network of this library offers to training and pruning. */

import type { Gpu } from "../gpu/index.js";
import type { ModelConfig } from "../io/config.js";
import type { Tensor } from "../tensor/index.js";
import type { ForwardOptions } from "./forward-options.js";
import type { Gates } from "./gates.js";
import type { Parameters } from "./parameter.js";
import type { PrunableLayer, UnitGroup, UnitKind } from "./sites.js";

/** What a forward pass gives. */
export interface ModelOutput {
  /** [batch, classes]. With two heads and outside of training: their mean, as DeiT predicts. */
  readonly logits: Tensor;
  /** [batch, classes] of the distillation head, in training passes of distilled models. */
  readonly distillation?: Tensor;
  /** [batch, classes] of each exit of a ViT's config, in training passes. */
  readonly exits?: readonly Tensor[];
}

/** A network on a device: parameters by name, gates, the units it is made of, and a forward pass. */
export interface Model {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  /** [C, H, W], or [inputs] where examples are vectors. */
  readonly sampleShape: readonly number[];
  readonly parameters: Parameters;
  readonly gates: Gates;
  /** Layers whose weights may be pruned one by one or by row, in the order of the forward pass. */
  readonly layers: readonly PrunableLayer[];
  /** Places of activation functions that every path passes, as no residual branch goes around them, in the order of the forward pass. */
  readonly trunk: readonly string[];
  /** Units of one kind, which go or stay as a whole; none where the model has no such unit. */
  unitGroups(kind: UnitKind): readonly UnitGroup[];
  /** @param images - [batch, ...sample] */
  forward(images: Tensor, options?: ForwardOptions): ModelOutput;
  /** Gives the memory of weights and masks back. */
  release(): void;
}
