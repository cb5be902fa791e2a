// norm[0] = sqrt(sum of sums), schedule[3] = min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_
// sums: count. One workgroup.
#import row_reduce

struct Params { count: u32, maxNorm: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;
@group(0) @binding(3) var<storage, read_write> schedule: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var i = lane; i < params.count; i += GROUP) { total += sums[i]; }
  total = row_sum(lane, total);
  if (lane == 0u) {
    norm[0] = sqrt(total);
    schedule[3] = min(1.0, params.maxNorm / (sqrt(total) + 1e-6));
  }
}
