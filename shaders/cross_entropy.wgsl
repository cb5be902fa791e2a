// loss[r] = log(sum_c exp(logits[r, c])) - (1 - smoothing) * logits[r, labels[r]] - smoothing * mean_c logits[r, :]
// logits: rows x classes; labels, loss: rows. A label outside of the classes gives NaN. LANES invocations a row; `columns` counts values of one or four
// logits.
#import grid
#import row_lanes
#import across

struct Params { rows: u32, columns: u32, smoothing: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<Value>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var largest = logits[start];
  for (var i = lane % LANES; i < params.columns; i += LANES) { largest = max(largest, logits[start + i]); }
  let highest = row_max(lane, max_across(largest));

  // Relative to the highest logit, so that large logits do not cancel.
  var exponentials = Value(0.0);
  var logit_sum = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let logit = logits[start + i] - highest;
    exponentials += exp(logit);
    logit_sum += logit;
  }
  let total = row_sum(lane, sum_across(exponentials));
  let mean = row_sum(lane, sum_across(logit_sum)) / f32(params.columns * WIDTH);

  if (row >= params.rows || lane % LANES != 0u) { return; }
  let label = labels[row];
  var target_logit = bitcast<f32>(label | 0x7fc00000u);
  if (label < params.columns * WIDTH) { target_logit = vec4f(logits[start + label / WIDTH])[label % WIDTH] - highest; }
  loss[row] = log(total) - (1.0 - params.smoothing) * target_logit - params.smoothing * mean;
}
