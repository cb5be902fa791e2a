// softmax over rows: y[r, c] = exp(x[r, c] - max_c x[r, :]) / sum_c exp(x[r, c] - max_c x[r, :])
// x, y: rows x columns. One workgroup a row.
#import grid
#import row_reduce

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups);
  if (row >= params.rows) { return; }
  let start = row * params.columns;

  var highest = -3.4028234e38;
  for (var c = lane; c < params.columns; c += GROUP) { highest = max(highest, x[start + c]); }
  highest = row_max(lane, highest);

  var total = 0.0;
  for (var c = lane; c < params.columns; c += GROUP) { total += exp(x[start + c] - highest); }
  total = row_sum(lane, total);

  for (var c = lane; c < params.columns; c += GROUP) { y[start + c] = exp(x[start + c] - highest) / total; }
}
