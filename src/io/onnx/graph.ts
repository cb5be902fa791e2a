/** A network as nodes of ONNX operators between named tensors. */
import type { FloatTensor } from "../safetensors.js";

/** Integers, lists of integers, or a float, which must be marked: 1 could be either. */
export type Attribute = number | readonly number[] | { readonly float: number };

export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Initializer {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** Collects the nodes of a network whose parameters are given by name. A tensor is known by the name of the node or initializer that makes it. */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly initializers = new Map<string, Initializer>();
  readonly #parameters: ReadonlyMap<string, FloatTensor>;

  constructor(parameters: ReadonlyMap<string, FloatTensor>) {
    this.#parameters = parameters;
  }

  /** A parameter, or undefined where the model has none of this name. */
  parameter(name: string): string | undefined {
    const parameter = this.#parameters.get(name);
    if (parameter) this.initializers.set(name, parameter);
    return parameter && name;
  }

  /** A list of integers, such as a shape, in which -1 stands for what is left. Long ones want a name. */
  integers(values: readonly number[], name = `integers ${values.join(" ")}`): string {
    this.initializers.set(name, { shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  integer(value: number): string {
    const name = `integer ${value}`;
    this.initializers.set(name, { shape: [], data: BigInt64Array.of(BigInt(value)) });
    return name;
  }

  scalar(value: number): string {
    const name = `scalar ${value}`;
    this.initializers.set(name, { shape: [], data: Float32Array.of(value) });
    return name;
  }

  /** Adds a node of one output. Undefined inputs at the end are left out. */
  node(
    name: string,
    operator: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const given = inputs.filter((input) => input !== undefined);
    this.nodes.push({ name, operator, inputs: given, outputs: [name], attributes });
    return name;
  }

  /** The `count` largest or smallest values along the last axis, sorted, and where they were; the earlier of equals first. */
  top(x: string, count: number, name: string, { largest }: { largest: boolean }): { values: string; indices: string } {
    const outputs = { values: `${name}.values`, indices: `${name}.indices` };
    const attributes = { axis: -1, largest: Number(largest), sorted: 1 };
    const inputs = [x, this.integers([count])];
    this.nodes.push({ name, operator: "TopK", inputs, outputs: Object.values(outputs), attributes });
    return outputs;
  }

  /** Cuts a tensor into equal parts of these names along an axis. */
  split(x: string, parts: readonly string[], axis: number): readonly string[] {
    this.nodes.push({ name: `${x}.parts`, operator: "Split", inputs: [x], outputs: parts, attributes: { axis } });
    return parts;
  }
}
