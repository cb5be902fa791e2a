// Sums over ROWS rows of the layer norm's parameter gradients:
// d_weight[part, c] = sum_r dy[r, c] * (x[r, c] - mean[r]) * rstd[r], d_bias[part, c] = sum_r dy[r, c], with r from part * ROWS
// x, dy: rows x columns; mean, rstd: rows; d_weight, d_bias: ceil(rows / ROWS) x columns. `columns` counts values of one or four elements.
// One invocation a value of d_weight.
#import grid
#import value
const GROUP = 64u;
const ROWS = 64u;

struct Params { rows: u32, columns: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<Value>;
@group(0) @binding(5) var<storage, read_write> d_weight: array<Value>;
@group(0) @binding(6) var<storage, read_write> d_bias: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = linear_group(group, groups) * GROUP + lane;
  if (item >= params.count) { return; }
  let first = (item / params.columns) * ROWS;
  let end = min(first + ROWS, params.rows);
  let c = item % params.columns;
  var weight_sum = Value();
  var bias_sum = Value();
  for (var r = first; r < end; r++) {
    let upstream = dy[r * params.columns + c];
    bias_sum += upstream;
    weight_sum += upstream * ((x[r * params.columns + c] - mean[r]) * rstd[r]);
  }
  d_weight[item] = weight_sum;
  d_bias[item] = bias_sum;
}
