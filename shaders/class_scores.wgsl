// scores[h, b, t] = scale * dot(q[b, 0, h, :], k[b, t, h, :]): what the first token, the class token, makes of each token as a key
// qkv: batch x tokens x 3 x heads x head_dim. One invocation a score; head_dim counts values of one or four elements.
#import grid
#import attention_operands

struct Params { count: u32, batch: u32, tokens: u32, heads: u32, head_dim: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<Stored>;
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let example = (i / params.tokens) % params.batch;
  let head = i / (params.tokens * params.batch);
  let width = params.heads * params.head_dim;
  let query = 3u * example * params.tokens * width + head * params.head_dim;
  let key = query + (3u * (i % params.tokens) + 1u) * width;
  var sum = 0.0;
  for (var d = 0u; d < params.head_dim; d++) { sum += dot(widen(Value(qkv[query + d])), vec4f(Value(qkv[key + d]))); }
  scores[i] = params.scale * sum;
}
