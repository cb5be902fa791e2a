// softmax over rows: y[r, c] = exp(x[r, c] - max_c x[r, :]) / sum_c exp(x[r, c] - max_c x[r, :])
// x, y: rows x columns. LANES invocations a row; `columns` counts values of one or four elements.
#import grid
#import row_lanes
#import across

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var largest = x[start];
  for (var i = lane % LANES; i < params.columns; i += LANES) { largest = max(largest, x[start + i]); }
  let highest = row_max(lane, max_across(largest));

  var sum = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) { sum += exp(x[start + i] - highest); }
  let total = row_sum(lane, sum_across(sum));

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) { y[start + i] = exp(x[start + i] - highest) / total; }
}
