/**
 * Gates: factors on the units of a model, held apart from its weights. An absent gate records nothing. A 0/1 gate without gradient is a mask.
 * Gates sit on what a unit writes (LayerNorm outputs, head contexts, neurons, branches), never on the residual stream, so that
 * cutting a unit out leaves the same function.
 */
import { ShapeError } from "../errors.js";
import { gate, spreadUnits, type Tensor } from "../tensor/index.js";

/** Where a gate can sit. Those of a block are addressed as `blocks.N.<site>`, the neurons of an MLP as `lin.N.neuron`, the channels of a convolution as
 * `<its name>.neuron`, `token` and `embed` by themselves. */
export type GateSite =
  | "attn.in"
  | "attn.qkvHead"
  | "attn.headDim"
  | "attn.head"
  | "attn.out"
  | "attn.residual"
  | "mlp.in"
  | "mlp.hidden"
  | "mlp.neuron"
  | "mlp.residual"
  | "crossAttn.headDim"
  | "block.attn"
  | "block.cross"
  | "block.mlp"
  | "block"
  | "neuron"
  | "token"
  | "embed";

/** How many units a gate covers, and how many neighbouring elements of the gated activation share one. */
export interface GateShape {
  /** Allowed numbers of units; more than one where units can be shared (`attn.headDim`: one head's, all heads', or q, k and v apart). */
  readonly units: readonly number[];
  readonly inner: number;
}

/** The gates of a model by key, such as `blocks.3.mlp.neuron`. */
export class Gates {
  readonly #byKey = new Map<string, Tensor>();
  #structure = 0;

  constructor(private readonly shapes: ReadonlyMap<string, GateShape>) {}

  /** Every place of this model, by key. */
  get places(): ReadonlyMap<string, GateShape> {
    return this.shapes;
  }

  /** Grows whenever a gate comes, goes or gives way to another: what was recorded before is out of date then. */
  get structure(): number {
    return this.#structure;
  }

  /** Puts a gate in place, or takes it away with `undefined`. @throws ShapeError for an unknown key or a wrong number of units. */
  set(key: string, values: Tensor | undefined): void {
    const shape = this.shapes.get(key);
    if (!shape) throw new ShapeError(`gate: expected one of ${[...this.shapes.keys()].join(", ")}, got "${key}"`);
    if (values && !shape.units.includes(values.size)) {
      throw new ShapeError(`gate ${key}: expected ${shape.units.join(" or ")} values, got [${values.shape}]`);
    }
    if (values !== this.#byKey.get(key)) this.#structure++;
    if (values) this.#byKey.set(key, values);
    else this.#byKey.delete(key);
  }

  get(key: string): Tensor | undefined {
    return this.#byKey.get(key);
  }

  clear(): void {
    if (this.#byKey.size > 0) this.#structure++;
    this.#byKey.clear();
  }

  /** Runs `fn` with other gates in the places of some, and puts back what was there. `structure` stays: to what goes on outside, nothing changed. */
  during<T>(gates: ReadonlyMap<string, Tensor>, fn: () => T): T {
    const before = new Map([...gates.keys()].map((key) => [key, this.#byKey.get(key)]));
    const structure = this.#structure;
    try {
      for (const [key, gate] of gates) this.set(key, gate);
      return fn();
    } finally {
      for (const [key, gate] of before) this.set(key, gate);
      this.#structure = structure;
    }
  }

  [Symbol.iterator](): IterableIterator<[string, Tensor]> {
    return this.#byKey.entries();
  }

  /** The factors of all gates at these places by column of an activation [..., width]; undefined where there is none. */
  columns(keys: readonly string[], width: number): Tensor | undefined {
    const gates = keys.flatMap((key) => {
      const values = this.#byKey.get(key);
      return values ? [{ values, inner: this.shapes.get(key)!.inner }] : [];
    });
    // One that has a value a column already need not be spread.
    gates.sort((a, b) => b.values.size - a.values.size);
    return gates.reduce<Tensor | undefined>((columns, { values, inner }) => {
      if (columns) return gate(columns, values, inner);
      return values.size === width ? values : spreadUnits(values, inner, width);
    }, undefined);
  }

  /** x times the gate at a place; x itself where there is none. */
  apply(x: Tensor, key: string): Tensor {
    const values = this.#byKey.get(key);
    return values ? gate(x, values, this.shapes.get(key)!.inner) : x;
  }
}
