// y[n, c, i] = (x[n, c, i] - mean[c]) * rstd[c] * weight[c] + bias[c]. x, y: N x C x inner; the others: C.
#import elementwise
#import value
#import unit

struct Params { start: u32, end: u32, inner: u32, period: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> mean: array<Unit>;
@group(0) @binding(3) var<storage, read> rstd: array<Unit>;
@group(0) @binding(4) var<storage, read> weight: array<Unit>;
@group(0) @binding(5) var<storage, read> bias: array<Unit>;
@group(0) @binding(6) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  let c = unit_index(i, params.inner, params.period);
  y[i] = (x[i] - Value(mean[c])) * (rstd[c] * weight[c]) + Value(bias[c]);
}
