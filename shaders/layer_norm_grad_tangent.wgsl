// How layer norm's gradient follows x. With g = dy * weight, n = (x - mean) * rstd, <.> the mean over a row, t = <x_tangent * n>:
// n_tangent = rstd * (x_tangent - <x_tangent> - n * t)
// dx = rstd * (-rstd * t * (g - <g> - n * <g n>) - n_tangent * <g n> - n * <g n_tangent>)
// x, dy, x_tangent, dx, n_tangent: rows x columns; mean, rstd: rows. LANES invocations a row; `columns` counts values of WIDTH elements;
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
@group(0) @binding(5) var<storage, read> dy: array<Value>;
@group(0) @binding(6) var<storage, read> x_tangent: array<Value>;
@group(0) @binding(7) var<storage, read_write> dx: array<Value>;
@group(0) @binding(8) var<storage, read_write> n_tangent: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let nearest = min(row, params.rows - 1u);
  let start = nearest * params.columns;
  let center = mean[nearest];
  let scale = rstd[nearest];

  var sum_t = 0.0;
  var sum_tn = 0.0;
  var sum_g = 0.0;
  var sum_gn = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    let tangent = x_tangent[start + i];
    let upstream = dy[start + i];
    let w = weight[i];
    for (var c = 0u; c < WIDTH; c++) {
      let n = (value[c] - center) * scale;
      let g = upstream[c] * w[c];
      sum_t += tangent[c];
      sum_tn += tangent[c] * n;
      sum_g += g;
      sum_gn += g * n;
    }
  }
  let mean_t = row_sum(lane, sum_t) / params.count;
  let mean_tn = row_sum(lane, sum_tn) / params.count;
  let mean_g = row_sum(lane, sum_g) / params.count;
  let mean_gn = row_sum(lane, sum_gn) / params.count;

  var sum_gt = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    let tangent = x_tangent[start + i];
    let upstream = dy[start + i];
    let w = weight[i];
    for (var c = 0u; c < WIDTH; c++) {
      let n = (value[c] - center) * scale;
      sum_gt += upstream[c] * w[c] * (scale * (tangent[c] - mean_t - n * mean_tn));
    }
  }
  let mean_gt = row_sum(lane, sum_gt) / params.count;

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    var tangent = x_tangent[start + i];
    var upstream = dy[start + i];
    let w = weight[i];
    for (var c = 0u; c < WIDTH; c++) {
      let n = (value[c] - center) * scale;
      tangent[c] = scale * (tangent[c] - mean_t - n * mean_tn);
      let projected = upstream[c] * w[c] - mean_g - n * mean_gn;
      upstream[c] = scale * (-scale * mean_tn * projected - tangent[c] * mean_gn - n * mean_gt);
    }
    n_tangent[start + i] = tangent;
    dx[start + i] = upstream;
  }
}
