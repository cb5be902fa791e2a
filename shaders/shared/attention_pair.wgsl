// What one query t and one key j of a head have to do with second derivatives of attention, from packed qkv, its tangent and the upstream gradient.
// Uses `params` (tokens, heads, head_dim, scale) and the bindings qkv, qkv_tangent, d_out and statistics of the kernel that imports it.
#import attention_operands

struct Pair {
  share: f32,         // e[t, j] = exp(score[t, j] - logsumexp[t]), without the key's gate
  share_slope: f32,   // tangent of score[t, j] - logsumexp[t]
  slope: f32,         // dot(d_out[t], v[j]) - delta[t], the gradient by the score over the share
  slope_tangent: f32, // its tangent: dot(d_out[t], v_tangent[j]) - delta_tangent[t]
}

// Where a token's q (part 0), k (1) or v (2) begins.
fn packed_row(b: u32, token: u32, part: u32, head: u32) -> u32 {
  return (((b * params.tokens + token) * 3u + part) * params.heads + head) * params.head_dim;
}

fn out_row(b: u32, token: u32, head: u32) -> u32 {
  return ((b * params.tokens + token) * params.heads + head) * params.head_dim;
}

fn pair_of(b: u32, head: u32, query: u32, key: u32) -> Pair {
  let q_row = packed_row(b, query, 0u, head);
  let k_row = packed_row(b, key, 1u, head);
  let v_row = packed_row(b, key, 2u, head);
  let upstream_row = out_row(b, query, head);
  var score = 0.0;
  var score_tangent = 0.0;
  var slope = 0.0;
  var slope_tangent = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    let q = widen(qkv[q_row + d]);
    let k = vec4f(qkv[k_row + d]);
    let upstream = widen(d_out[upstream_row + d]);
    score += dot(q, k);
    score_tangent += dot(q, vec4f(qkv_tangent[k_row + d])) + dot(widen(qkv_tangent[q_row + d]), k);
    slope += dot(upstream, vec4f(qkv[v_row + d]));
    slope_tangent += dot(upstream, vec4f(qkv_tangent[v_row + d]));
  }
  let row = statistics[(b * params.heads + head) * params.tokens + query]; // logsumexp, delta, and their tangents
  return Pair(exp(params.scale * score - row.x), params.scale * score_tangent - row.z, slope - row.y, slope_tangent - row.w);
}
