// Gradient of attention by the gates of its keys, by image and head: partial[b, h, j] = sum_t e[t, j] * (dot(d_out[t], v[j]) - delta[t]), with
// e[t, j] = exp(scale * dot(q[t], k[j]) - logsumexp[t]), the share of key j without its gate. The sum over b and h is the gradient.
// With CAUSAL the queries before the key have no part. Operands as in attention.wgsl, d_out packed as out. One invocation an element of partial.
#import grid
#import attention_operands

const CAUSAL = false;

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32, count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Value>;
@group(0) @binding(2) var<storage, read> k: array<Value>;
@group(0) @binding(3) var<storage, read> v: array<Value>;
@group(0) @binding(4) var<storage, read> d_out: array<Value>;
@group(0) @binding(5) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let row = i / params.keys; // of image and head
  let b = row / params.heads;
  let column = row % params.heads * params.head_dim;
  let key = b * params.keys + i % params.keys;
  let k_row = params.k_offset + key * params.k_stride + column;
  let v_row = params.v_offset + key * params.v_stride + column;
  var sum = 0.0;
  for (var t = select(0u, i % params.keys, CAUSAL); t < params.queries; t++) {
    let query = b * params.queries + t;
    let q_row = params.q_offset + query * params.q_stride + column;
    let out_row = query * params.heads * params.head_dim + column;
    var score = 0.0;
    var slope = -delta[row * params.queries + t];
    for (var d = 0u; d < params.head_dim; d++) {
      score += dot(widen(q[q_row + d]), vec4f(k[k_row + d]));
      slope += dot(widen(d_out[out_row + d]), vec4f(v[v_row + d]));
    }
    sum += exp(params.scale * score - logsumexp[row * params.queries + t]) * slope;
  }
  partial[i] = sum;
}
