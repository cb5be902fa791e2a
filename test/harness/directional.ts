type Numbers = ArrayLike<number>;

const moved = (x: Numbers, direction: Numbers, step: number) =>
  Float64Array.from({ length: x.length }, (_, i) => x[i] + step * direction[i]);

/**
 * d/ds f(x + s * direction) at s = 0 for a float64 oracle f: the oracle of its tangent kernel. Central differences of fourth order, good to about ten
 * digits for values around one.
 */
export function directional(
  f: (...operands: Float64Array[]) => Numbers,
  operands: readonly (readonly [x: Numbers, direction: Numbers])[],
): Float64Array {
  const step = 2e-4;
  const at = (steps: number) => f(...operands.map(([x, direction]) => moved(x, direction, steps * step)));
  const [near, nearBelow, far, farBelow] = [at(1), at(-1), at(2), at(-2)];
  return Float64Array.from(near, (value, i) => (8 * (value - nearBelow[i]) - (far[i] - farBelow[i])) / (12 * step));
}
