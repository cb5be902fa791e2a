// Tangent of layer norm: y_tangent[r, c] = n_tangent[r, c] * weight[c] + n[r, c] * weight_tangent[c] + bias_tangent[c] with n = (x - mean) * rstd and
// n_tangent[r, c] = rstd[r] * (x_tangent[r, c] - mean_k x_tangent[r, k] - n[r, c] * mean_k (n[r, k] * x_tangent[r, k]))
// x, x_tangent, y_tangent: rows x columns; mean, rstd: rows. LANES invocations a row; `columns` counts values of WIDTH elements;
// `count` elements of a row are averaged over: those of x, and zeros where channels were cut from it.
#import grid
#import row_lanes
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;

struct Params { rows: u32, columns: u32, count: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> rstd: array<f32>;
@group(0) @binding(5) var<storage, read> x_tangent: array<Value>;
@group(0) @binding(6) var<storage, read> weight_tangent: array<Value>;
@group(0) @binding(7) var<storage, read> bias_tangent: array<Value>;
@group(0) @binding(8) var<storage, read_write> y_tangent: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let nearest = min(row, params.rows - 1u);
  let start = nearest * params.columns;
  let center = mean[nearest];
  let scale = rstd[nearest];

  var total = 0.0;
  var projected = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    let tangent = x_tangent[start + i];
    for (var c = 0u; c < WIDTH; c++) {
      total += tangent[c];
      projected += tangent[c] * ((value[c] - center) * scale);
    }
  }
  let mean_t = row_sum(lane, total) / params.count;
  let mean_tn = row_sum(lane, projected) / params.count;

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    var tangent = x_tangent[start + i];
    let w = weight[i];
    let wt = weight_tangent[i];
    let bt = bias_tangent[i];
    for (var c = 0u; c < WIDTH; c++) {
      let n = (value[c] - center) * scale;
      tangent[c] = scale * (tangent[c] - mean_t - n * mean_tn) * w[c] + n * wt[c] + bt[c];
    }
    y_tangent[start + i] = tangent;
  }
}
