// d_logits[r, c] = d_loss[r] * (softmax(logits[r, :])[c] - (1 - smoothing) * [c = labels[r]] - smoothing / classes)
// logits, d_logits: rows x classes; labels, d_loss: rows. LANES invocations a row.
#import grid
#import row_lanes

struct Params { rows: u32, classes: u32, smoothing: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> d_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_logits: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.classes;

  var highest = logits[start];
  for (var c = lane % LANES; c < params.classes; c += LANES) { highest = max(highest, logits[start + c]); }
  highest = row_max(lane, highest);

  var total = 0.0;
  for (var c = lane % LANES; c < params.classes; c += LANES) { total += exp(logits[start + c] - highest); }
  total = row_sum(lane, total);

  if (row >= params.rows) { return; }
  let label = labels[row];
  let upstream = d_loss[row];
  let uniform_part = params.smoothing / f32(params.classes);
  for (var c = lane % LANES; c < params.classes; c += LANES) {
    let hard_part = select(0.0, 1.0 - params.smoothing, c == label);
    d_logits[start + c] = upstream * (exp(logits[start + c] - highest) / total - hard_part - uniform_part);
  }
}
