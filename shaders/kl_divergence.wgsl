// loss[r] = T^2 sum_c p[c] (log p[c] - log q[c]) with p = softmax(teacher[r, :] / T), q = softmax(logits[r, :] / T)
// logits, teacher: rows x classes; loss: rows. LANES invocations a row.
#import grid
#import row_lanes
#import student_teacher

struct Params { rows: u32, classes: u32, temperature: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> teacher: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.classes;
  let scale = row_scale(lane, start);
  var divergence = 0.0;
  for (var c = lane % LANES; c < params.classes; c += LANES) {
    let log_p = log_probability(start + c, scale);
    divergence += exp(log_p.x) * (log_p.x - log_p.y);
  }
  divergence = row_sum(lane, divergence);
  if (row < params.rows && lane % LANES == 0u) { loss[row] = params.temperature * params.temperature * divergence; }
}
