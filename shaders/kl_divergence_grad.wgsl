// d_logits[r, c] = d_loss[r] * T * (softmax(logits[r, :] / T)[c] - softmax(teacher[r, :] / T)[c])
// logits, teacher, d_logits: rows x classes; d_loss: rows. LANES invocations a row.
#import grid
#import row_lanes
#import student_teacher

struct Params { rows: u32, classes: u32, temperature: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> teacher: array<f32>;
@group(0) @binding(3) var<storage, read> d_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_logits: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.classes;
  let scale = row_scale(lane, start);
  if (row >= params.rows) { return; }
  let upstream = d_loss[row] * params.temperature;
  for (var c = lane % LANES; c < params.classes; c += LANES) {
    let p = exp(log_probability(start + c, scale));
    d_logits[start + c] = upstream * (p.y - p.x);
  }
}
