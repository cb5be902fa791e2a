// d_logits[r, c] = d_loss[r] * (softmax(logits[r, :])[c] - (1 - smoothing) * [c = labels[r]] - smoothing / classes)
// logits, d_logits: rows x classes; labels, d_loss: rows. LANES invocations a row; `columns` counts values of one or four logits.
#import grid
#import row_lanes
#import across

struct Params { rows: u32, columns: u32, smoothing: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<Value>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> d_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_logits: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var largest = logits[start];
  for (var i = lane % LANES; i < params.columns; i += LANES) { largest = max(largest, logits[start + i]); }
  let highest = row_max(lane, max_across(largest));

  var exponentials = Value(0.0);
  for (var i = lane % LANES; i < params.columns; i += LANES) { exponentials += exp(logits[start + i] - highest); }
  let total = row_sum(lane, sum_across(exponentials));

  if (row >= params.rows) { return; }
  let label = labels[row];
  let upstream = d_loss[row];
  let uniform_part = params.smoothing / f32(params.columns * WIDTH);
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let hard_part = select(Value(0.0), Value(1.0 - params.smoothing), Places(i * WIDTH) + PLACE == Places(label));
    d_logits[start + i] = upstream * (exp(logits[start + i] - highest) / total - hard_part - uniform_part);
  }
}
