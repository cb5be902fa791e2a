// y[r, c] = (x[r, c] - mean[r]) * rstd[r] * weight[c] + bias[c] with mean[r] = mean of x[r, :], rstd[r] = 1 / sqrt(mean of (x[r, :] - mean[r])^2 + epsilon)
// x, y: rows x columns; mean, rstd: rows. LANES invocations a row; `columns` counts values of WIDTH elements;
// `count` elements of a row are averaged over: those of x, and zeros where channels were cut from it.
#import grid
#import row_lanes
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;

struct Params { rows: u32, columns: u32, count: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> bias: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Value>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var total = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    for (var c = 0u; c < WIDTH; c++) { total += value[c]; }
  }
  let center = row_sum(lane, total) / params.count;

  var squares = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let value = x[start + i];
    for (var c = 0u; c < WIDTH; c++) { squares += (value[c] - center) * (value[c] - center); }
  }
  let zeros = params.count - f32(params.columns * WIDTH);
  let scale = inverseSqrt((row_sum(lane, squares) + zeros * center * center) / params.count + params.epsilon);

  if (row >= params.rows) { return; }
  if (lane % LANES == 0u) {
    mean[row] = center;
    rstd[row] = scale;
  }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    var value = x[start + i];
    let w = weight[i];
    let b = bias[i];
    for (var c = 0u; c < WIDTH; c++) { value[c] = (value[c] - center) * scale * w[c] + b[c]; }
    y[start + i] = value;
  }
}
