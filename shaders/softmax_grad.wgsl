// gradient of softmax over rows: dx[r, c] = y[r, c] * (dy[r, c] - sum_k y[r, k] * dy[r, k])
// y, dy, dx: rows x columns. LANES invocations a row; `columns` counts values of one or four elements.
#import grid
#import row_lanes
#import across

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<Value>;
@group(0) @binding(2) var<storage, read> dy: array<Value>;
@group(0) @binding(3) var<storage, read_write> dx: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var sum = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) { sum += y[start + i] * dy[start + i]; }
  let total = row_sum(lane, sum_across(sum));

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) { dx[start + i] = y[start + i] * (dy[start + i] - total); }
}
