// How attention's gradient by the gates of its keys follows qkv and the gates, by image and head. With the names of attention_pairs.wgsl:
// partial[b, h, j] = sum_t share[t, j] * (share_slope[t, j] * slope[t, j] + slope_tangent[t, j]). The sum over b and h is the change of the gradient.
// Operands as in attention_grad_tangent.wgsl. One invocation an element of partial.
#import grid
#import attention_pairs

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
  for (var t = 0u; t < params.tokens; t += 4u) {
    let pairs = pairs_of(row / params.heads, row % params.heads, i % params.tokens, t);
    let terms = pairs.share * (pairs.share_slope * pairs.slope + pairs.slope_tangent);
    sum += dot(select(vec4f(), vec4f(1.0), t + vec4u(0u, 1u, 2u, 3u) < vec4u(params.tokens)), terms);
  }
  partial[i] = sum;
}
