/** An analytic float64 gradient beside the float64 function that it belongs to. A case file exports an array `gradients` of them. */
export interface GradientCase {
  /** The operand and the op: "layerNorm by weight". */
  readonly name: string;
  /** The scalar whose gradient it is, usually a dot product of the op's result with fixed upstream gradients. */
  readonly f: (x: Float64Array) => number;
  readonly at: ArrayLike<number>;
  readonly gradient: () => ArrayLike<number>;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
