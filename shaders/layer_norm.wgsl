// y[r, c] = (x[r, c] - mean[r]) * rstd[r] * weight[c] + bias[c] with mean[r] = mean of x[r, :], rstd[r] = 1 / sqrt(mean of (x[r, :] - mean[r])^2 + epsilon)
// x, y: rows x columns; mean, rstd: rows. `columns` counts values of one or four elements; `count` elements of a row are averaged over: those of x,
// and zeros where channels were cut from it. LANES invocations take EACH rows, ROWS apart, so that weight and bias are loaded once for them.
#import grid
#import row_moments
const EACH = 1u;

struct Params { rows: u32, columns: u32, count: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> bias: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Stored>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * (ROWS * EACH) + lane / LANES;
  var starts = array<u32, EACH>();
  var moments = array<Moments, EACH>();
  for (var e = 0u; e < EACH; e++) {
    let row = first + e * ROWS;
    starts[e] = min(row, params.rows - 1u) * params.columns;
    moments[e] = moments_of(starts[e], lane);
    if (row < params.rows && lane % LANES == 0u) {
      mean[row] = moments[e].mean;
      rstd[row] = moments[e].rstd;
    }
  }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let w = weight[i];
    let b = bias[i];
    for (var e = 0u; e < EACH; e++) {
      let normal = (Value(x[starts[e] + i]) - moments[e].mean) * moments[e].rstd;
      if (first + e * ROWS < params.rows) { y[starts[e] + i] = Stored(normal * w + b); }
    }
  }
}
