// key_totals[b, h, d] = sum_t k[b, t, h, d]
// k: at the second third of rows of 3 x heads x head_dim elements, one a token; key_totals: batch x heads x quads of vec4. One invocation a vec4;
// `count` of them.
#import grid
#import path_attention

struct Params { count: u32, tokens: u32, heads: u32, head_dim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> k: array<Value>;
@group(0) @binding(2) var<storage, read_write> key_totals: array<vec4f>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let quads = (params.head_dim + 3u) / 4u;
  let quad = i % quads;
  let head_row = i / quads; // of image and head
  let width = params.heads * params.head_dim;
  let first_row = head_row / params.heads * params.tokens * 3u + 1u;
  let start = first_row * width + head_row % params.heads * params.head_dim + 4u * quad;
  var total = vec4f();
  for (var t = 0u; t < params.tokens; t++) {
    let at = (start + 3u * t * width) / WIDTH;
    total += quad_of(k[at], k[at + 1u], k[at + 2u], k[at + 3u], 4u * quad);
  }
  key_totals[i] = total;
}
