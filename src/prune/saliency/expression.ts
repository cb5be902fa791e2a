/**
 * Scores as expressions over sources. Nothing is computed here: `map`, `sum` and the others build a tree, nested maps melt into one WGSL expression,
 * and `src/prune/saliency/evaluate.ts` turns it into as few dispatches as a kernel written by hand would take.
 */
import { KernelError } from "../../errors.js";
import { checkExpression, type WrittenPiece } from "../../kernels/map-expression.js";
import { checkName } from "../check-name.js";
import type { Statistic } from "../collect/statistic.js";

/** Over what a reduction runs: the weights of a unit, of a row, of a column, of a whole parameter, or of everything that is ranked. */
export type Axis = "unit" | "row" | "column" | "layer" | "model";

/** How values are put together. */
export type ReductionKind = "sum" | "mean" | "max" | "l2";

/** A statistic, by itself. */
export interface StatisticNode {
  readonly kind: "statistic";
  readonly statistic: Statistic;
}

/** A number: a parameter of the kernel that it becomes part of. */
export interface NumberNode {
  readonly kind: "number";
  readonly value: number;
}

/** One WGSL expression over other expressions. */
export interface MapNode {
  readonly kind: "map";
  readonly text: string;
  readonly inputs: Readonly<Record<string, Expression>>;
}

/** A reduction of another expression. */
export interface ReductionNode {
  readonly kind: "reduction";
  readonly reduction: ReductionKind;
  readonly of: Expression;
  readonly over: Axis;
}

/** For each unit of a group the sum of a non-negative score over all units of the group that score as much or more. */
export interface TailNode {
  readonly kind: "tail";
  readonly of: Expression;
}

/** What a criterion's `score` returns. Make one with `map`, `sum`, `mean`, `max`, `l2` and `sumOfLarger` from the sources it is given. */
export type Expression = StatisticNode | NumberNode | MapNode | ReductionNode | TailNode;

export const statistic = (of: Statistic): StatisticNode => ({ kind: "statistic", statistic: of });

/**
 * One WGSL expression over named sources, element by element: `map("abs(w) * n", { w: weight, n: inputNorm })`. Numbers are f32, and
 * other numbers take no other kernel. Sources of a column, row or unit are repeated over the weights that belong to it.
 * @throws KernelError with the column of what is no expression or no name; what the device's compiler refuses is thrown when scores are computed.
 */
export function map(text: string, inputs: Readonly<Record<string, Expression | number>>): MapNode {
  const nodes = Object.entries(inputs).map(([name, input]) => {
    if (typeof input !== "number" && input) return [name, input] as const;
    if (typeof input === "number" && Number.isFinite(Math.fround(input))) {
      return [name, { kind: "number", value: input }] as const;
    }
    throw new KernelError(
      `map "${text}": expected a source or a finite f32 for ${name}, got ${input}; name it in needs`,
    );
  });
  checkExpression(text, Object.keys(inputs));
  return { kind: "map", text, inputs: Object.fromEntries(nodes) };
}

const AXES: readonly Axis[] = ["unit", "row", "column", "layer", "model"];

const reduction =
  (kind: ReductionKind) =>
  (of: Expression, over: Axis = "unit"): ReductionNode => {
    checkName(`${kind}: axis`, over, AXES);
    return { kind: "reduction", reduction: kind, of, over };
  };

/** Sum over the weights of a unit, or of another axis. The score of a larger unit is a sum unless it says otherwise. */
export const sum = reduction("sum");
/** Mean over the weights of a unit, or of another axis. */
export const mean = reduction("mean");
/** Largest value over the weights of a unit, or of another axis. */
export const max = reduction("max");
/** Euclidean norm over the weights of a unit, or of another axis. */
export const l2 = reduction("l2");

/** For each unit: the sum of a non-negative score over the units of its layer that score as much or more, itself included. */
export const sumOfLarger = (of: Expression): TailNode => ({ kind: "tail", of });

/** What a map without maps inside is over. */
export type Leaf = Exclude<Expression, MapNode>;

/** A map without maps inside: one expression over what has to be computed before. */
export interface FlatMap {
  /** With where each piece was written, for messages. */
  readonly text: readonly WrittenPiece[];
  readonly leaves: ReadonlyMap<string, Leaf>;
}

/** A text by itself. */
export const written = (text: string): readonly WrittenPiece[] => [{ text, source: text, at: 0 }];

/** Numbers are matched whole, so that no name is found inside of 1e5f. */
const WORD = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fiuh]?|[A-Za-z]\w*/g;

/** Writes nested maps into the outermost one. Names that would collide get a number. */
export function flatten(expression: Expression): FlatMap {
  const leaves = new Map<string, Leaf>();
  const nameOf = (wanted: string, leaf: Leaf): string => {
    for (const [name, known] of leaves) if (known === leaf) return name;
    let name = wanted;
    for (let copy = 2; leaves.has(name); copy++) name = `${wanted}${copy}x`;
    leaves.set(name, leaf);
    return name;
  };
  const write = ({ text: source, inputs }: MapNode): WrittenPiece[] => {
    const pieces: WrittenPiece[] = [];
    let end = 0;
    const add = (text: string, at: number) => void pieces.push({ text, source, at });
    for (const { 0: word, index } of source.matchAll(WORD)) {
      const input = Object.hasOwn(inputs, word) ? inputs[word] : undefined;
      if (!input) continue;
      add(source.slice(end, index), end);
      end = index + word.length;
      if (input.kind === "map") {
        add("(", index);
        pieces.push(...write(input));
        add(")", index);
      } else add(nameOf(word, input), index);
    }
    add(source.slice(end), end);
    return pieces;
  };
  return { text: expression.kind === "map" ? write(expression) : written(nameOf("value", expression)), leaves };
}

/** What an expression is made of. */
export function childrenOf(expression: Expression): readonly Expression[] {
  if (expression.kind === "map") return Object.values(expression.inputs);
  return expression.kind === "statistic" || expression.kind === "number" ? [] : [expression.of];
}

/** All statistics that an expression reads. */
export const statisticsOf = (expression: Expression): Statistic[] =>
  expression.kind === "statistic" ? [expression.statistic] : childrenOf(expression).flatMap(statisticsOf);
