/** What takes part in a pass as a parameter: its value or a substitute, under its mask. */
import { applyBits, map, Tensor, type WeightAs } from "../tensor/index.js";
import type { ForwardOptions, Substitute } from "./forward-options.js";
import type { Parameters } from "./parameter.js";

/** By full names. A mask on a parameter lies over whatever takes its place. */
export class Operands {
  constructor(
    private readonly parameters: Parameters,
    private readonly options: Pick<ForwardOptions, "weights" | "denseGradients">,
  ) {}

  /** Without its mask. */
  value(name: string): Tensor {
    return this.#written(name, this.#substitute(name));
  }

  /** Under its mask. */
  vector(name: string): Tensor {
    return this.#masked(name, this.value(name));
  }

  /** What the product of a layer takes: the weight, whose mask it reads itself, and the bias, if there is one, under its own. */
  layer(prefix: string) {
    const name = `${prefix}.weight`;
    const { value: weight, ...as } = this.#weight(name);
    const { mask } = this.parameters.get(name);
    return {
      weight,
      bias: this.#bias(prefix),
      attributes: { mask, denseGradient: this.options.denseGradients, ...as },
    };
  }

  /** Without its mask, for operations that square it, or set it to one, as they read it, and take the mask themselves. */
  #weight(name: string): { value: Tensor; weightAs?: WeightAs } {
    const substitute = this.#substitute(name);
    if (substitute instanceof Tensor || substitute === "absent") return { value: this.#written(name, substitute) };
    const { tensor: value, as: weightAs } = substitute;
    return { value, weightAs };
  }

  /** A layer's bias under its mask; none where it has none, or where it is left out. */
  #bias(layer: string): Tensor | undefined {
    const name = `${layer}.bias`;
    const substitute = this.parameters.has(name) ? this.#substitute(name) : "absent";
    return substitute === "absent" ? undefined : this.#masked(name, this.#written(name, substitute));
  }

  #substitute(name: string): Substitute {
    const parameter = this.parameters.get(name);
    return this.options.weights?.(parameter) ?? parameter.value;
  }

  /** A substitute as values, for operations that have no other way. */
  #written(name: string, substitute: Substitute): Tensor {
    if (substitute instanceof Tensor) return substitute;
    if (substitute === "absent") return map("0.0", { w: this.parameters.get(name).value.detach() });
    return map(substitute.as === "square" ? "w * w" : "1.0", { w: substitute.tensor });
  }

  #masked(name: string, value: Tensor): Tensor {
    const { mask } = this.parameters.get(name);
    return mask ? applyBits(value, mask) : value;
  }
}
