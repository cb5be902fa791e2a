// loss[r] = log(sum_c exp(logits[r, c])) - (1 - smoothing) * logits[r, labels[r]] - smoothing * mean_c logits[r, :]
// logits: rows x classes; labels, loss: rows. A label outside of the classes gives NaN. LANES invocations a row.
#import grid
#import row_lanes

struct Params { rows: u32, classes: u32, smoothing: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.classes;

  var highest = logits[start];
  for (var c = lane % LANES; c < params.classes; c += LANES) { highest = max(highest, logits[start + c]); }
  highest = row_max(lane, highest);

  // Relative to the highest logit, so that large logits do not cancel.
  var exponentials = 0.0;
  var total = 0.0;
  for (var c = lane % LANES; c < params.classes; c += LANES) {
    let logit = logits[start + c] - highest;
    exponentials += exp(logit);
    total += logit;
  }
  exponentials = row_sum(lane, exponentials);
  total = row_sum(lane, total);

  if (row >= params.rows || lane % LANES != 0u) { return; }
  let label = labels[row];
  var target_logit = bitcast<f32>(label | 0x7fc00000u);
  if (label < params.classes) { target_logit = logits[start + label] - highest; }
  loss[row] = log(exponentials) - (1.0 - params.smoothing) * target_logit - params.smoothing * total / f32(params.classes);
}
