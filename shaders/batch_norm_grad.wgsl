// dx[n, c, i] = rstd[c] * weight[c] * dy[n, c, i]; with TRAINING, where mean and rstd follow x,
// dx[n, c, i] = rstd[c] * weight[c] * (dy[n, c, i] - share * (d_bias[c] + (x[n, c, i] - mean[c]) * rstd[c] * d_weight[c])), share = 1 / (N inner)
// x, dy, dx: N x C x inner; the others: C.
#import elementwise
#import value
#import unit
const TRAINING = false;

struct Params { start: u32, end: u32, inner: u32, period: u32, share: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> mean: array<Unit>;
@group(0) @binding(3) var<storage, read> rstd: array<Unit>;
@group(0) @binding(4) var<storage, read> weight: array<Unit>;
@group(0) @binding(5) var<storage, read> d_weight: array<Unit>;
@group(0) @binding(6) var<storage, read> d_bias: array<Unit>;
@group(0) @binding(7) var<storage, read> dy: array<Value>;
@group(0) @binding(8) var<storage, read_write> dx: array<Value>;

fn apply(i: u32) {
  let c = unit_index(i, params.inner, params.period);
  var upstream = dy[i];
  if (TRAINING) {
    let slope = rstd[c] * d_weight[c] * params.share;
    upstream -= Value(d_bias[c] * params.share) + (x[i] - Value(mean[c])) * slope;
  }
  dx[i] = upstream * (rstd[c] * weight[c]);
}
