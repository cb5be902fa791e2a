// delta[b, h, t] = dot(d_out[b, t, h, :], out[b, t, h, :]), the part of softmax's gradient that all keys of a query share
// out, d_out: batch x tokens x heads x head_dim. One invocation an element of delta; head_dim counts values of one or four elements.
#import grid
#import attention_operands

struct Params { count: u32, tokens: u32, heads: u32, head_dim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> out: array<Value>;
@group(0) @binding(2) var<storage, read> d_out: array<Value>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let head_row = i / params.tokens;
  let row = ((head_row / params.heads) * params.tokens + i % params.tokens) * params.heads + head_row % params.heads;
  var sum = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    sum += dot(widen(out[row * params.head_dim + d]), vec4f(d_out[row * params.head_dim + d]));
  }
  delta[i] = sum;
}
