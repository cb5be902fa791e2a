/** What an operator of the interpreter is. */
import type { OnnxNode } from "./file.js";
import type { Value } from "./values.js";

/** Attributes of a node, with the defaults of the operators' definitions. */
export class Attributes {
  constructor(private readonly node: OnnxNode) {}

  number(name: string, fallback?: number): number {
    return (this.node.attributes.get(name) ?? fallback) as number;
  }

  list(name: string): readonly number[] {
    return this.node.attributes.get(name) as readonly number[];
  }
}

export type Operator = (inputs: readonly Value[], attributes: Attributes, outputs: number) => Value | Value[];

export type Operators = Readonly<Record<string, Operator>>;
