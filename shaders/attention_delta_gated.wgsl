// attention_delta.wgsl for a result that was multiplied by gates of heads: gated[b, t, h, :] = head_gate[h] * d_out[b, t, h, :] is the gradient by what they
// were given, delta[b, h, t] = dot(gated[b, t, h, :], out[b, t, h, :]), and partial[b, h, t] = dot(d_out[b, t, h, :], out[b, t, h, :]), whose sum over b and t is the
// gradient by head_gate[h]. out, without gates, d_out, gated: batch x tokens x heads x head_dim. One invocation an element of delta; head_dim counts values of one or four elements.
#import grid
#import attention_operands

struct Params { count: u32, tokens: u32, heads: u32, head_dim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> out: array<Value>;
@group(0) @binding(2) var<storage, read> d_out: array<Value>;
@group(0) @binding(3) var<storage, read> head_gate: array<f32>;
@group(0) @binding(4) var<storage, read_write> gated: array<Value>;
@group(0) @binding(5) var<storage, read_write> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let head_row = i / params.tokens;
  let head = head_row % params.heads;
  let row = ((head_row / params.heads) * params.tokens + i % params.tokens) * params.heads + head;
  let gate = head_gate[head];
  var sum = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    let upstream = d_out[row * params.head_dim + d];
    sum += dot(widen(out[row * params.head_dim + d]), vec4f(upstream));
    gated[row * params.head_dim + d] = gate * upstream;
  }
  delta[i] = gate * sum;
  partial[i] = sum;
}
