// How attention's gradient by the gates of its keys follows qkv and the gates, by image and head. With e, e_slope, c, c_tangent of attention_pair.wgsl:
// partial[b, h, j] = sum_t e[t, j] * (e_slope[t, j] * c[t, j] + c_tangent[t, j]). The sum over b and h is the change of the gradient.
// Operands as in attention_grad_tangent.wgsl. One invocation an element of partial.
#import grid
#import attention_pair

struct Params { tokens: u32, heads: u32, head_dim: u32, scale: f32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<Value>;
@group(0) @binding(2) var<storage, read> qkv_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> d_out: array<Value>;
@group(0) @binding(4) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let row = i / params.tokens; // of image and head
  var sum = 0.0;
  for (var t = 0u; t < params.tokens; t++) {
    let pair = pair_of(row / params.heads, row % params.heads, t, i % params.tokens);
    sum += pair.share * (pair.share_slope * pair.slope + pair.slope_tangent);
  }
  partial[i] = sum;
}
