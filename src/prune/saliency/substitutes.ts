/** Tensors in the place of parameters, from one expression over w. */
import { map as mapKernel } from "../../kernels/map.js";
import { layerOf, type Model, type Parameter, type Substitute } from "../../nn/index.js";
import { Tensor, type WeightAs } from "../../tensor/index.js";

/**
 * WGSL expression over w that takes the place of parameters, such as "abs(w)": of all of them, or of those that it is given for. Layers square their
 * weights ("w * w") and set them to one ("1.0", where no gradient is wanted) as they read them, and leave biases of "0.0" out; other expressions are
 * written out first. The results are the same.
 */
export type Transformation = string | ((parameter: Parameter) => string | undefined);

/** Expressions that a layer computes as it reads its weight. */
const ON_LOAD: Readonly<Record<string, WeightAs>> = { "w * w": "square", "1.0": "one" };

/** How substitutes come about. */
export interface SubstituteOptions {
  /** Whether gradients by what takes a trainable parameter's place are wanted. */
  readonly tracked: boolean;
  /** Write every expression out: what layers compute on load has no second derivatives. */
  readonly writtenOut?: boolean;
}

/** What takes the place of parameters, each made when it is first asked for. */
export class Substitutes {
  readonly #made = new Map<Parameter, { readonly substitute: Substitute; readonly leaf: Tensor }>();

  constructor(
    private readonly model: Model,
    private readonly weights: Transformation,
    private readonly options: SubstituteOptions,
  ) {}

  readonly of = (parameter: Parameter): Substitute => this.#find(parameter).substitute;

  /** The tensor that gradients are by. */
  readonly leaf = (parameter: Parameter): Tensor => this.#find(parameter).leaf;

  #find(parameter: Parameter) {
    let made = this.#made.get(parameter);
    if (!made) this.#made.set(parameter, (made = this.#make(parameter)));
    return made;
  }

  #make(parameter: Parameter): { substitute: Substitute; leaf: Tensor } {
    const { value } = parameter;
    const text = typeof this.weights === "string" ? this.weights : this.weights(parameter);
    const tracked = this.options.tracked && value.requiresGradient;
    if (text === "0.0" && !tracked && this.#isBias(parameter)) return { substitute: "absent", leaf: value };
    const as = text === undefined ? undefined : this.#onLoad(parameter, text, tracked);
    const leaf = text === undefined || as ? value.detach() : Tensor.empty(value.gpu, value.shape);
    leaf.requiresGradient = tracked;
    if (text === undefined) return { substitute: leaf, leaf };
    if (as) return { substitute: { tensor: leaf, as }, leaf };
    mapKernel(value.gpu, text, { w: { buffer: value } }, { y: leaf, length: leaf.size });
    return { substitute: leaf, leaf };
  }

  #onLoad({ name }: Parameter, text: string, tracked: boolean): WeightAs | undefined {
    if (this.options.writtenOut || !Object.hasOwn(ON_LOAD, text) || !layerOf(this.model, name)) return undefined;
    // Nobody could take a gradient by ones that are nowhere.
    return ON_LOAD[text] === "one" && tracked ? undefined : ON_LOAD[text];
  }

  #isBias({ name }: Parameter): boolean {
    return layerOf(this.model, name.replace(/\.bias$/, ".weight")) !== undefined;
  }
}
