// inverse_norms[b, t, h] = 1 / dot(q[b, t, h, :], key_totals[b, h, :]), zero where that product is zero
// q: at the start of rows of 3 x heads x head_dim elements, one a token; key_totals: batch x heads x quads of vec4. One invocation an element of
// inverse_norms; `count` of them.
#import grid
#import path_attention

struct Params { count: u32, tokens: u32, heads: u32, head_dim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Value>;
@group(0) @binding(2) var<storage, read> key_totals: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> inverse_norms: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let quads = (params.head_dim + 3u) / 4u;
  let token = i / params.heads;
  let head = i % params.heads;
  let start = (3u * token * params.heads + head) * params.head_dim;
  let totals = (token / params.tokens * params.heads + head) * quads;
  var norm = 0.0;
  for (var n = 0u; n < quads; n++) {
    let at = (start + 4u * n) / WIDTH;
    norm += dot(quad_of(q[at], q[at + 1u], q[at + 2u], q[at + 3u], 4u * n), key_totals[totals + n]);
  }
  inverse_norms[i] = select(1.0 / norm, 0.0, abs(norm) < SMALLEST);
}
