// What the second derivatives of attention need of each query: statistics[b, h, t] = (logsumexp, delta, logsumexp_tangent, delta_tangent) with
// delta[b, h, t] = dot(d_out[b, t, h, :], out[b, t, h, :]) and delta_tangent = dot(d_out, out_tangent)
// out, out_tangent, d_out: batch x tokens x heads x head_dim. One invocation an element of statistics; head_dim counts values of one or four elements.
#import grid
#import attention_operands

struct Params { count: u32, tokens: u32, heads: u32, head_dim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> out: array<Value>;
@group(0) @binding(2) var<storage, read> out_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> d_out: array<Value>;
@group(0) @binding(4) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(5) var<storage, read> logsumexp_tangent: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<vec4f>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let head_row = i / params.tokens;
  let row = ((head_row / params.heads) * params.tokens + i % params.tokens) * params.heads + head_row % params.heads;
  var delta = 0.0;
  var delta_tangent = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    let upstream = widen(d_out[row * params.head_dim + d]);
    delta += dot(upstream, vec4f(out[row * params.head_dim + d]));
    delta_tangent += dot(upstream, vec4f(out_tangent[row * params.head_dim + d]));
  }
  statistics[i] = vec4f(logsumexp[i], delta, logsumexp_tangent[i], delta_tangent);
}
