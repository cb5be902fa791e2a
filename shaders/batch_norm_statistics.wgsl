// What batch norm does once a channel: rstd[c] = 1 / sqrt(variance[c] + epsilon), and with TRAINING the running statistics move by `momentum`:
// running_mean += momentum * (mean - running_mean), running_variance += momentum * (variance * unbiased - running_variance)
#import grid
const GROUP = 64u;
const TRAINING = false;

struct Params { channels: u32, epsilon: f32, momentum: f32, unbiased: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> running_variance: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = linear_group(group, groups) * GROUP + lane;
  if (c >= params.channels) { return; }
  rstd[c] = inverseSqrt(variance[c] + params.epsilon);
  if (TRAINING) {
    running_mean[c] += params.momentum * (mean[c] - running_mean[c]);
    running_variance[c] += params.momentum * (variance[c] * params.unbiased - running_variance[c]);
  }
}
