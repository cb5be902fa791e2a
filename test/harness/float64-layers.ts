/** Layers of a ViT over the variables of double-backward.ts, row-major like the tensors that they are compared with. */
import { add, constant, each, gather, multiply, scatter, type Variable } from "./double-backward.js";
import { normalCdf } from "./normal-cdf.js";

/** f at every index tuple below the extents, in row-major order. */
export function indices(extents: readonly number[], f: (...at: number[]) => number): number[] {
  const at = extents.map(() => 0);
  const total = extents.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: total }, () => {
    const value = f(...at);
    for (let axis = extents.length - 1; axis >= 0 && ++at[axis] === extents[axis]; axis--) at[axis] = 0;
    return value;
  });
}

type Place = (...at: number[]) => number;

/** out[o(at)] = sum over the index tuples of a[p(at)] * b[q(at)] */
export const contract = (
  extents: readonly number[],
  [a, placeA]: readonly [Variable, Place],
  [b, placeB]: readonly [Variable, Place],
  [length, placeOut]: readonly [number, Place],
): Variable =>
  scatter(
    multiply(gather(a, indices(extents, placeA)), gather(b, indices(extents, placeB))),
    indices(extents, placeOut),
    length,
  );

export const scale = (x: Variable, factor: number): Variable =>
  multiply(x, constant(new Float64Array(x.length).fill(factor)));

export const exp = (x: Variable): Variable => each(x, Math.exp, exp);

export const power = (x: Variable, exponent: number): Variable =>
  each(
    x,
    (value) => value ** exponent,
    (x) => scale(power(x, exponent - 1), exponent),
  );

const log = (x: Variable): Variable => each(x, Math.log, (x) => power(x, -1));

export const relu = (x: Variable): Variable => multiply(x, constant(x.values.map((value) => (value > 0 ? 1 : 0))));

const density = (x: Variable) => scale(exp(scale(power(x, 2), -0.5)), 1 / Math.sqrt(2 * Math.PI));

export const gelu = (x: Variable): Variable => multiply(x, each(x, normalCdf, density));

/** x[i] with g[(i / inner) % g.length] at each place. */
export const spread = (g: Variable, length: number, inner: number): Variable =>
  gather(
    g,
    Array.from({ length }, (_, i) => Math.floor(i / inner) % g.length),
  );

/** Sums over groups that follow each other. */
export const rowSums = (x: Variable, columns: number): Variable =>
  scatter(
    x,
    Array.from(x.values, (_, i) => Math.floor(i / columns)),
    x.length / columns,
  );

export const overRows = (sums: Variable, columns: number) => spread(sums, sums.length * columns, columns);

export function linear(x: Variable, weight: Variable, bias: Variable | undefined, inputs: number): Variable {
  const outputs = weight.length / inputs;
  const rows = x.length / inputs;
  const out = contract(
    [rows, outputs, inputs],
    [x, (r, _, i) => r * inputs + i],
    [weight, (_, o, i) => o * inputs + i],
    [rows * outputs, (r, o) => r * outputs + o],
  );
  return bias ? add(out, spread(bias, out.length, 1)) : out;
}

export function layerNorm(x: Variable, weight: Variable, bias: Variable, epsilon: number): Variable {
  const columns = weight.length;
  const centered = add(x, overRows(scale(rowSums(x, columns), -1 / columns), columns));
  const variance = scale(rowSums(power(centered, 2), columns), 1 / columns);
  const deviation = power(add(variance, constant(variance.values.map(() => epsilon))), -0.5);
  const normalized = multiply(centered, overRows(deviation, columns));
  return add(multiply(normalized, spread(weight, x.length, 1)), spread(bias, x.length, 1));
}

/** gates: factors on the exponentials, one a column, or one for each of some rows by turns. */
export function softmax(x: Variable, columns: number, gates?: Variable): Variable {
  const shares = gates ? multiply(exp(x), spread(gates, x.length, 1)) : exp(x);
  return multiply(shares, overRows(power(rowSums(shares, columns), -1), columns));
}

export function attention(
  qkv: Variable,
  { batch, tokens, heads, headDim }: { batch: number; tokens: number; heads: number; headDim: number },
  gates?: Variable,
): Variable {
  const packed = (part: number, b: number, t: number, h: number, d: number) =>
    (((b * tokens + t) * 3 + part) * heads + h) * headDim + d;
  const pair = (b: number, h: number, t: number, j: number) => ((b * heads + h) * tokens + t) * tokens + j;
  const scores = contract(
    [batch, heads, tokens, tokens, headDim],
    [qkv, (b, h, t, _, d) => packed(0, b, t, h, d)],
    [qkv, (b, h, _, j, d) => packed(1, b, j, h, d)],
    [batch * heads * tokens * tokens, pair],
  );
  return contract(
    [batch, heads, tokens, tokens, headDim],
    [softmax(scale(scores, headDim ** -0.5), tokens, gates), pair],
    [qkv, (b, h, _, j, d) => packed(2, b, j, h, d)],
    [qkv.length / 3, (b, h, t, _, d) => ((b * tokens + t) * heads + h) * headDim + d],
  );
}

/** Loss of each row. */
export function crossEntropy(logits: Variable, labels: readonly number[], smoothing: number): Variable {
  const classes = logits.length / labels.length;
  const target = indices([labels.length, classes], (r, c) => {
    return (c === labels[r] ? 1 - smoothing : 0) + smoothing / classes;
  });
  const chosen = rowSums(multiply(logits, constant(target)), classes);
  return add(log(rowSums(exp(logits), classes)), scale(chosen, -1));
}
