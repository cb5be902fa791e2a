// softmax over rows: y[r, c] = exp(x[r, c] - max_c x[r, :]) / sum_c exp(x[r, c] - max_c x[r, :])
// x, y: rows x columns. LANES invocations a row; `columns` counts values of WIDTH elements.
#import grid
#import row_lanes
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var highest = x[start][0];
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    for (var c = 0u; c < WIDTH; c++) { highest = max(highest, value[c]); }
  }
  highest = row_max(lane, highest);

  var total = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    for (var c = 0u; c < WIDTH; c++) { total += exp(value[c] - highest); }
  }
  total = row_sum(lane, total);

  if (row >= params.rows) { return; }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    var value = x[start + i];
    for (var c = 0u; c < WIDTH; c++) { value[c] = exp(value[c] - highest) / total; }
    y[start + i] = value;
  }
}
