// dx[r, c] = rstd[r] * (g[c] - mean_k g[k] - n[c] * mean_k (g[k] * n[k])) with g = dy[r, :] * weight, n = (x[r, :] - mean[r]) * rstd[r]
// x, dy, dx: rows x columns; mean, rstd: rows. LANES invocations a row; `columns` counts values of one or four elements;
// `count` elements of a row are averaged over: those of x, and zeros where channels were cut from it.
#import grid
#import row_lanes
#import across

struct Params { rows: u32, columns: u32, count: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> rstd: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<Value>;
@group(0) @binding(6) var<storage, read_write> dx: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let nearest = min(row, params.rows - 1u);
  let start = nearest * params.columns;
  let center = mean[nearest];
  let scale = rstd[nearest];

  var total = Value(0.0);
  var projected = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let g = dy[start + i] * weight[i];
    total += g;
    projected += g * ((x[start + i] - center) * scale);
  }
  let mean_g = row_sum(lane, sum_across(total)) / params.count;
  let mean_gn = row_sum(lane, sum_across(projected)) / params.count;

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let n = (x[start + i] - center) * scale;
    dx[start + i] = scale * (dy[start + i] * weight[i] - mean_g - n * mean_gn);
  }
}
