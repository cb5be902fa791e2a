/** Reverse-mode differentiation over the graph that `defineOp` leaves behind. */
import { ShapeError } from "../errors.js";
import { Accumulator } from "./accumulator.js";
import type { Between, TermSum } from "./tape.js";
import type { Tensor } from "./tensor.js";
import { addTerm, onesLike } from "./terms.js";

/** Gradients of the leaves that asked for one, but for those that went into sums. */
export class Gradients {
  constructor(private readonly byLeaf: ReadonlyMap<Tensor, Tensor>) {}

  /** The gradient of a leaf; zero gradients of leaves that the result does not depend on are absent. */
  get(leaf: Tensor): Tensor | undefined {
    return this.byLeaf.get(leaf);
  }

  entries(): IterableIterator<[Tensor, Tensor]> {
    return this.byLeaf.entries();
  }
}

/** Nodes reachable from `root`, each after everything it depends on. Iterative: deep nets would overflow the stack. */
export function topologicalOrder(root: Tensor): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { tensor: Tensor; expanded: boolean }[] = [{ tensor: root, expanded: false }];
  while (stack.length > 0) {
    const { tensor, expanded } = stack.pop()!;
    if (expanded) {
      order.push(tensor);
      continue;
    }
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    stack.push({ tensor, expanded: true });
    for (const input of Object.values(tensor.node?.inputs ?? {})) {
      if (input?.tracked && !seen.has(input)) stack.push({ tensor: input, expanded: false });
    }
  }
  return order;
}

/** How many inputs of the nodes each tensor is. */
function countUses(order: readonly Tensor[]): ReadonlyMap<Tensor, number> {
  const uses = new Map<Tensor, number>();
  for (const input of order.flatMap(({ node }) => Object.values(node?.inputs ?? {}))) {
    if (input) uses.set(input, (uses.get(input) ?? 0) + 1);
  }
  return uses;
}

type Uses = ReadonlyMap<Tensor, number>;

/** What an operation's input was made from, if it serves nothing else. */
const madeFrom = (input: Tensor | undefined, uses: Uses) => (input && uses.get(input) === 1 ? input.node : undefined);

/** The activation function whose result an input is. */
function functionBehind(input: Tensor | undefined, uses: Uses): Between | undefined {
  const { activation: kind, inputs } = madeFrom(input, uses) ?? {};
  return kind && inputs?.x ? { kind, x: inputs.x } : undefined;
}

/** What an input went through that the operation behind it takes along: factors and, before them, an activation function. */
function foldedBehind(input: Tensor | undefined, uses: Uses, accumulator: Accumulator): Between | undefined {
  const { factors, inputs } = madeFrom(input, uses) ?? {};
  const x = inputs?.x;
  if (!factors || !x?.tracked) return functionBehind(input, uses);
  const { g, gradient } = factors;
  const take = (dy: Tensor) => {
    accumulator.add(g, gradient(dy));
    dy.gpu.release(dy);
  };
  return { x, ...functionBehind(x, uses), factors: g, take: g.tracked ? take : undefined };
}

/** @throws ShapeError when nothing that `loss` depends on asks for a gradient. */
export function requireTracked(what: string, loss: Tensor): void {
  if (loss.tracked) return;
  throw new ShapeError(`${what}: expected a result that depends on a tensor with requiresGradient, got a constant`);
}

/**
 * Gradients of `loss` (a scalar, or any tensor with a `seed` of its shape) with respect to every leaf with `requiresGradient`. Contributions are
 * added in a fixed order, so two runs give the same bits.
 * @param sums - by leaf, what is added to a total in the place of a gradient: in the operation that makes the gradient where no other uses the leaf
 * @throws ShapeError when `loss` is not a scalar and no seed is given, or depends on no such leaf.
 */
export function backward(loss: Tensor, seed?: Tensor, sums?: ReadonlyMap<Tensor, TermSum>): Gradients {
  requireTracked("backward", loss);
  if (!seed && loss.size !== 1)
    throw new ShapeError(`backward: expected a scalar, got [${loss.shape}]; reduce it or pass a seed`);
  const accumulator = new Accumulator();
  const ones = seed ?? onesLike(loss);
  accumulator.add(loss, ones);
  const leaves = new Map<Tensor, Tensor>();
  const order = topologicalOrder(loss);
  const uses = countUses(order);
  for (const tensor of order.reverse()) {
    const gradient = accumulator.take(tensor);
    if (!gradient) continue;
    if (!tensor.node) {
      const sum = sums?.get(tensor);
      if (sum) {
        addTerm(sum.term, { g: gradient, w: sum.weight }, sum.total);
        if (gradient !== seed) accumulator.done(gradient);
      } else leaves.set(tensor, gradient);
      continue;
    }
    const { inputs, folds, sums: name, backward: propagate } = tensor.node;
    const folded = folds === undefined ? undefined : foldedBehind(inputs[folds], uses, accumulator);
    const leaf = name === undefined ? undefined : inputs[name];
    const summed = leaf && !leaf.node && uses.get(leaf) === 1 ? sums?.get(leaf) : undefined;
    const parts = propagate(gradient, { folded, summed });
    accumulator.addAll(folds !== undefined && folded ? { ...inputs, [folds]: folded.x } : inputs, parts);
    if (gradient !== seed) accumulator.done(gradient);
  }
  return new Gradients(leaves);
}
