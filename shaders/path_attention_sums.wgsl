// Sums of path attention over the tokens: sums[b, h, d, e] = sum_t share[b, t, h, d] x[b, t, h, e], with the shares of the keys if OF_KEYS, else of the
// queries. Element (b, t, h, d) of q or k lies at qk_offset + (b * tokens + t) * qk_stride + h * head_dim + d, that of x likewise. inverse_norms: batch x
// tokens x heads; of vec4 are key_totals: batch x heads x quads, and sums: batch x heads x 4 quads x quads. One invocation has 4 x 4 elements of sums;
// `count` of them. Neighbours share their loads in the cache.
#import grid
#import path_attention

struct Params {
  count: u32, tokens: u32, heads: u32, head_dim: u32,
  qk_offset: u32, qk_stride: u32, x_offset: u32, x_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qk: array<Value>; // q or k
@group(0) @binding(2) var<storage, read> x: array<Value>;
@group(0) @binding(3) var<storage, read> key_totals: array<vec4f>;
@group(0) @binding(4) var<storage, read> inverse_norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let quads = (params.head_dim + 3u) / 4u;
  let column = i % quads;
  let row = i / quads % quads;
  let head_row = i / (quads * quads); // of image and head
  let first_token = head_row / params.heads * params.tokens;
  let head = head_row % params.heads;
  let start = head * params.head_dim;

  let scale = share_scale(key_totals[head_row * quads + row]);
  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var t = 0u; t < params.tokens; t++) {
    let token = first_token + t;
    let own = (params.qk_offset + token * params.qk_stride + start + 4u * row) / WIDTH;
    let other = (params.x_offset + token * params.x_stride + start + 4u * column) / WIDTH;
    var mine = scale * quad_of(qk[own], qk[own + 1u], qk[own + 2u], qk[own + 3u], 4u * row);
    if (!OF_KEYS) { mine *= inverse_norms[token * params.heads + head]; }
    let theirs = quad_of(x[other], x[other + 1u], x[other + 2u], x[other + 3u], 4u * column);
    row0 = fma(vec4f(mine.x), theirs, row0);
    row1 = fma(vec4f(mine.y), theirs, row1);
    row2 = fma(vec4f(mine.z), theirs, row2);
    row3 = fma(vec4f(mine.w), theirs, row3);
  }
  let at = (head_row * quads + row) * 4u * quads + column;
  sums[at] = row0;
  sums[at + quads] = row1;
  sums[at + 2u * quads] = row2;
  sums[at + 3u * quads] = row3;
}
