/** The pattern of a network at an input: which activations let pass, one bit each, and which token attends to which. */
import { activationBits, maskByteLength } from "../../kernels/index.js";
import type { ForwardOptions } from "../../nn/index.js";
import { applyBits, attention, map, Tensor } from "../../tensor/index.js";
import { partColumns } from "./path-attention.js";

/** Taken during one forward pass, and imposed on another over the same examples. */
export class ActivationPatterns {
  readonly #bits = new Map<string, Tensor>();
  readonly #attending = new Map<string, Tensor>();

  /** Options of the pass that is looked at, which computes what it would. */
  readonly taking: ForwardOptions = {
    activation: (x, place) => {
      const bits = this.#open(this.#bits, place, x, [maskByteLength(x.size) / 4], "u32");
      activationBits(x.gpu, { x, bits }, { length: x.size });
      return undefined;
    },
    attention: (qkv, _attributes, place) => {
      const copy = this.#open(this.#attending, place, qkv, qkv.shape, "f32");
      qkv.gpu.copy(qkv.buffer, copy.buffer, 4 * qkv.size);
      return undefined;
    },
  };

  /** x where the activation function at the place let pass. */
  imposed(x: Tensor, place: string): Tensor {
    return applyBits(x, this.#bits.get(place)!);
  }

  /** Attention by the pattern's queries and keys over the values of qkv. */
  readonly attending: NonNullable<ForwardOptions["attention"]> = (qkv, attributes, place, keyGate) => {
    const pattern = this.#attending.get(place)!;
    const merged = map("select(b, a, m > 0.5)", {
      a: pattern,
      b: qkv,
      m: { tensor: partColumns(qkv, ["query", "key"]), inner: 1 },
    });
    return attention(merged, attributes, keyGate);
  };

  release(): void {
    for (const tensor of [...this.#bits.values(), ...this.#attending.values()]) tensor.gpu.release(tensor);
  }

  /** Memory that outlives the part of the forward pass which fills it. */
  #open(places: Map<string, Tensor>, place: string, { gpu }: Tensor, shape: Tensor["shape"], type: Tensor["type"]) {
    const tensor = gpu.unscoped(() => Tensor.empty(gpu, shape, type));
    places.set(place, tensor);
    return tensor;
  }
}
