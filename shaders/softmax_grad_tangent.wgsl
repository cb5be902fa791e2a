// How softmax's gradient follows its result: dx[r, c] = y_tangent[r, c] * (dy[r, c] - sum_k y[r, k] * dy[r, k]) - y[r, c] * sum_k y_tangent[r, k] * dy[r, k]
// All rows x columns. LANES invocations a row; `columns` counts values of WIDTH elements.
#import grid
#import row_lanes
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<Value>;
@group(0) @binding(2) var<storage, read> y_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> dy: array<Value>;
@group(0) @binding(4) var<storage, read_write> dx: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var total = 0.0;
  var moved = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = y[start + i];
    let tangent = y_tangent[start + i];
    let upstream = dy[start + i];
    for (var c = 0u; c < WIDTH; c++) {
      total += value[c] * upstream[c];
      moved += tangent[c] * upstream[c];
    }
  }
  total = row_sum(lane, total);
  moved = row_sum(lane, moved);

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    var value = y[start + i];
    let tangent = y_tangent[start + i];
    let upstream = dy[start + i];
    for (var c = 0u; c < WIDTH; c++) { value[c] = tangent[c] * (upstream[c] - total) - value[c] * moved; }
    dx[start + i] = value;
  }
}
