/** From statistics to scores: one fused dispatch for each parameter that units are made of, and nothing read back. */
import { UsageError } from "../../errors.js";
import type { MapInput, MapInputs } from "../../kernels/map.js";
import { sumOfLarger } from "../../kernels/sum-of-larger.js";
import { layerOf, type Model, type UnitMember } from "../../nn/index.js";
import { Tensor } from "../../tensor/index.js";
import { domainOf, type Statistic } from "../collect/statistic.js";
import type { PlacedGroup, UnitSpace } from "../units.js";
import {
  childrenOf,
  type Expression,
  type FlatMap,
  flatten,
  type Leaf,
  type NumberNode,
  type ReductionNode,
  written,
} from "./expression.js";
import { finishReduction, reducePart } from "./reductions.js";

/** Where the values of statistics come from; undefined where a place has none. */
export type Operands = (statistic: Statistic, place: string) => Tensor | undefined;

/** Where the values of a group's units go: unit u to y[offset + u]. */
interface Target {
  readonly y: Tensor;
  readonly offset: number;
}

/** No value differs between the weights of a unit. What is known by layer does where units lie in several layers. */
function isByUnit(leaf: Leaf): boolean {
  if (leaf.kind === "statistic") return ["unit", "site"].includes(domainOf(leaf.statistic));
  return leaf.kind === "tail" || leaf.kind === "number" || leaf.over === "unit" || leaf.over === "model";
}

/** Differs between units. */
const isOfUnit = (leaf: Leaf): boolean =>
  isByUnit(leaf) &&
  leaf.kind !== "number" &&
  !(leaf.kind === "reduction" && leaf.over === "model") &&
  !(leaf.kind === "statistic" && domainOf(leaf.statistic) === "site");

/** Reductions over everything that an expression looks at, inner ones first. */
function totalsOf(expression: Expression): ReductionNode[] {
  const inside = childrenOf(expression).flatMap(totalsOf);
  return expression.kind === "reduction" && expression.over === "model" ? [...inside, expression] : inside;
}

/** Computes the scores of all units of a model. */
export class Evaluator {
  /** Reductions over everything, which every group uses. */
  readonly #totals = new Map<Expression, Tensor>();

  constructor(
    private readonly model: Model,
    private readonly space: UnitSpace,
    private readonly operands: Operands,
    private readonly name: string,
  ) {}

  /** Writes the score of each unit. @throws UsageError where units have nothing that the expression needs; KernelError for what does not compile. */
  write(expression: Expression, scores: Tensor): void {
    using _totals = this.model.gpu.scope();
    this.#totals.clear();
    for (const node of totalsOf(expression)) if (!this.#totals.has(node)) this.#totals.set(node, this.#total(node));
    for (const group of this.space.groups) this.#reduceGroup(expression, group, { y: scores, offset: group.offset });
    this.#totals.clear();
  }

  /** One value for each unit of a group. What it takes besides is given back at once: memory stays near that of the largest group. */
  #reduceGroup(expression: Expression, group: PlacedGroup, target: Target): void {
    const { gpu, parameters } = this.model;
    using _temporaries = gpu.scope();
    const { reduction, of }: Pick<ReductionNode, "reduction" | "of"> =
      expression.kind === "reduction" && expression.over === "unit" ? expression : { reduction: "sum", of: expression };
    const flat = flatten(of);
    const { units } = group;
    if ([...flat.leaves.values()].every(isByUnit)) {
      const inputs = Object.fromEntries(Array.from(flat.leaves, ([name, leaf]) => [name, this.#perUnit(leaf, group)]));
      const layout = { ...target, length: units, inner: 1, period: units };
      reducePart(gpu, "sum", flat.text, inputs, { ...layout, accumulate: false });
      return;
    }
    let elements = 0;
    for (const member of group.members) {
      const inputs = this.#memberInputs(flat, group, member);
      if (!inputs) continue;
      const { size: length } = parameters.get(member.parameter);
      const { inner, period, band } = member;
      const layout = { ...target, length, inner, period, band };
      reducePart(gpu, reduction, flat.text, inputs, { ...layout, accumulate: elements > 0 });
      elements += length;
    }
    if (elements === 0) throw this.#nowhere(flat, group);
    finishReduction(gpu, reduction, elements / units, { ...target, length: units, inner: 1, period: units });
  }

  /** Inputs for the weights of one parameter; undefined where it lacks one of them. */
  #memberInputs(flat: FlatMap, group: PlacedGroup, member: UnitMember): MapInputs | undefined {
    if (member.band !== undefined && [...flat.leaves.values()].some(isOfUnit)) {
      const got = "what is the same for all weights of a block";
      throw new UsageError(
        `${this.name}: expected sources of single weights for blocks, got ${got}; use another granularity`,
      );
    }
    const inputs: Record<string, MapInput | number> = {};
    for (const [name, leaf] of flat.leaves) {
      const input = isByUnit(leaf) ? this.#perUnit(leaf, group, member) : this.#perElement(leaf, group, member);
      if (input === undefined) return undefined;
      inputs[name] = input;
    }
    return inputs;
  }

  #perElement(leaf: Leaf, group: PlacedGroup, member: UnitMember): MapInput | undefined {
    if (leaf.kind === "statistic") return this.#statistic(leaf.statistic, member.parameter);
    return leaf.kind === "reduction" ? this.#reduceMember(leaf, group, member) : undefined;
  }

  #statistic(statistic: Statistic, parameter: string): MapInput | undefined {
    const domain = domainOf(statistic);
    if (domain === "weight") return asInput(this.operands(statistic, parameter));
    const layer = layerOf(this.model, parameter);
    const values = layer && this.operands(statistic, layer.name);
    if (domain === "layer") return asInput(values, { inner: 1, period: 1 });
    if (domain === "column") return asInput(values, { inner: 1, period: layer?.in });
    return domain === "row" ? asInput(values, { inner: layer?.in, period: layer?.out }) : undefined;
  }

  /** A reduction over the rows, columns or whole of one parameter. */
  #reduceMember(node: ReductionNode, group: PlacedGroup, member: UnitMember): MapInput | undefined {
    const { gpu, parameters } = this.model;
    const layer = layerOf(this.model, member.parameter);
    const { size: length } = parameters.get(member.parameter);
    const flat = flatten(node.of);
    const inputs = this.#memberInputs(flat, group, member);
    if (!inputs || (!layer && node.over !== "layer")) return undefined;
    const axis =
      node.over === "layer"
        ? { inner: length, period: 1 }
        : node.over === "row"
          ? { inner: layer!.in, period: layer!.out }
          : { inner: 1, period: layer!.in };
    const layout = { y: Tensor.empty(gpu, [axis.period]), offset: 0, length, ...axis };
    reducePart(gpu, node.reduction, flat.text, inputs, { ...layout, accumulate: false });
    finishReduction(gpu, node.reduction, length / axis.period, layout);
    return { buffer: layout.y, ...axis };
  }

  /** What is the same for all weights of a unit, as an input for the units of a group or for the weights of one of their parameters. */
  #perUnit(leaf: Leaf, group: PlacedGroup, place = { inner: 1, period: group.units }): MapInput | number {
    if (leaf.kind === "number") return leaf.value;
    const buffer = this.#unitValues(leaf, group);
    const { inner, period } = buffer.size === 1 ? { inner: 1, period: 1 } : place;
    return { buffer, inner, period };
  }

  /** [units], or [1] for what is the same for all of them. */
  #unitValues(leaf: Exclude<Leaf, NumberNode>, group: PlacedGroup): Tensor {
    const { gpu } = this.model;
    if (leaf.kind === "reduction" && leaf.over === "model") return this.#totals.get(leaf)!;
    if (leaf.kind === "statistic") {
      const found = this.operands(leaf.statistic, group.name);
      if (found) return found;
      const got = `${leaf.statistic.kind} of ${group.name}`;
      throw new UsageError(`${this.name}: expected a source that the units have, got ${got}; use another granularity`);
    }
    const values = Tensor.empty(gpu, [group.units]);
    if (leaf.kind === "reduction") this.#reduceGroup(leaf, group, { y: values, offset: 0 });
    else {
      using _scores = gpu.scope();
      const scores = Tensor.empty(gpu, [group.units]);
      this.#reduceGroup(leaf.of, group, { y: scores, offset: 0 });
      sumOfLarger(gpu, { scores, values: scores, y: values }, { offset: 0, count: group.units });
    }
    return values;
  }

  /** A reduction over the units of everything that is ranked. */
  #total(node: ReductionNode): Tensor {
    const { gpu } = this.model;
    const layout = { y: Tensor.empty(gpu, [1]), offset: 0, period: 1 };
    this.space.groups.forEach((group, index) => {
      using _values = gpu.scope();
      const { units } = group;
      const x = Tensor.empty(gpu, [units]);
      this.#reduceGroup(node.of, group, { y: x, offset: 0 });
      const part = { ...layout, length: units, inner: units, accumulate: index > 0 };
      reducePart(gpu, node.reduction, written("x"), { x: { buffer: x } }, part);
    });
    finishReduction(gpu, node.reduction, this.space.count, { ...layout, length: 1, inner: 1 });
    return layout.y;
  }

  #nowhere({ leaves }: FlatMap, { name }: PlacedGroup): UsageError {
    const sources = [...leaves.values()].map((leaf) => (leaf.kind === "statistic" ? leaf.statistic.kind : leaf.kind));
    const needed = sources.join(" and ");
    return new UsageError(
      `${this.name}: expected weights that have ${needed}, got ${name}; protect it or use another granularity`,
    );
  }
}

const asInput = (buffer: Tensor | undefined, place: Omit<MapInput, "buffer"> = {}): MapInput | undefined =>
  buffer && { buffer, ...place };
