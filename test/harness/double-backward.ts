/**
 * Reverse mode in float64 whose gradients are made of the operations that they are gradients of, so that they can be differentiated again: the
 * oracle of second derivatives. Four operations that are closed under differentiation make everything else.
 */

interface Edge {
  readonly input: Variable;
  /** The input's share of the gradient, from that of the result. */
  readonly pull: (gradient: Variable) => Variable;
}

/** Values, and what they were made of. */
export class Variable {
  constructor(
    readonly values: Float64Array,
    readonly edges: readonly Edge[] = [],
  ) {}

  get length(): number {
    return this.values.length;
  }
}

export const constant = (values: ArrayLike<number>): Variable => new Variable(Float64Array.from(values));

export const add = (a: Variable, b: Variable): Variable =>
  new Variable(
    a.values.map((value, i) => value + b.values[i]),
    [
      { input: a, pull: (gradient) => gradient },
      { input: b, pull: (gradient) => gradient },
    ],
  );

export const multiply = (a: Variable, b: Variable): Variable =>
  new Variable(
    a.values.map((value, i) => value * b.values[i]),
    [
      { input: a, pull: (gradient) => multiply(gradient, b) },
      { input: b, pull: (gradient) => multiply(gradient, a) },
    ],
  );

/** out[i] = x[places[i]] */
export const gather = (x: Variable, places: readonly number[]): Variable =>
  new Variable(
    Float64Array.from(places, (place) => x.values[place]),
    [{ input: x, pull: (gradient) => scatter(gradient, places, x.length) }],
  );

/** out[places[i]] = the sum of such x[i] */
export function scatter(x: Variable, places: readonly number[], length: number): Variable {
  const sums = new Float64Array(length);
  places.forEach((place, i) => {
    sums[place] += x.values[i];
  });
  return new Variable(sums, [{ input: x, pull: (gradient) => gather(gradient, places) }]);
}

/** f of each element, with its derivative as a function of variables. */
export const each = (x: Variable, f: (x: number) => number, slope: (x: Variable) => Variable): Variable =>
  new Variable(x.values.map(f), [{ input: x, pull: (gradient) => multiply(gradient, slope(x)) }]);

/** Everything that `out` was made of, each before what it was made of. */
function descending(out: Variable): Variable[] {
  const order: Variable[] = [];
  const seen = new Set<Variable>();
  const visit = (variable: Variable): void => {
    if (seen.has(variable)) return;
    seen.add(variable);
    for (const { input } of variable.edges) visit(input);
    order.push(variable);
  };
  visit(out);
  return order.reverse();
}

/** The gradient of the sum of `out` by each leaf. */
export function gradient(out: Variable, leaves: readonly Variable[]): Variable[] {
  const sums = new Map([[out, constant(new Float64Array(out.length).fill(1))]]);
  for (const variable of descending(out)) {
    const upstream = sums.get(variable);
    if (!upstream) continue;
    for (const { input, pull } of variable.edges) {
      const before = sums.get(input);
      sums.set(input, before ? add(before, pull(upstream)) : pull(upstream));
    }
  }
  return leaves.map((leaf) => sums.get(leaf) ?? constant(new Float64Array(leaf.length)));
}

/** The gradient of the sum of `loss` by each leaf, and the product of its Hessian with the directions: the gradient of <gradient, directions>. */
export function hessianVector(
  loss: Variable,
  leaves: readonly Variable[],
  directions: readonly ArrayLike<number>[],
): { gradients: Float64Array[]; products: Float64Array[] } {
  const gradients = gradient(loss, leaves);
  const slopes = gradients.map((part, index) => {
    const product = multiply(part, constant(directions[index]));
    return scatter(product, Array(product.length).fill(0), 1);
  });
  const products = gradient(slopes.reduce(add), leaves);
  return { gradients: gradients.map(({ values }) => values), products: products.map(({ values }) => values) };
}
