// What a row of one side, a query or with OF_KEYS a key, and four rows of the other side have to do with second derivatives of attention, from packed
// qkv, its tangent and the upstream gradient. Four at a time, so that one load of the own row serves four products.
// Uses `params` (tokens, heads, head_dim, scale) and the bindings qkv, qkv_tangent, d_out and statistics of the kernel that imports it.
#import attention_operands

const OF_KEYS = false;

struct Pairs {
  share: vec4f,         // exp(score[t, j] - logsumexp[t]): that of key j, without the key's gate
  share_slope: vec4f,   // tangent of score[t, j] - logsumexp[t]
  slope: vec4f,         // dot(d_out[t], v[j]) - delta[t], the gradient by the score over the share
  slope_tangent: vec4f, // its tangent: dot(d_out[t], v_tangent[j]) - delta_tangent[t]
}

// Where a token's q (part 0), k (1) or v (2) begins.
fn packed_row(b: u32, token: u32, part: u32, head: u32) -> u32 {
  return (((b * params.tokens + token) * 3u + part) * params.heads + head) * params.head_dim;
}

fn out_row(b: u32, token: u32, head: u32) -> u32 {
  return ((b * params.tokens + token) * params.heads + head) * params.head_dim;
}

// `other` is the first of the four; past the last token it is repeated.
fn pairs_of(b: u32, head: u32, own: u32, other: u32) -> Pairs {
  let others = min(other + vec4u(0u, 1u, 2u, 3u), vec4u(params.tokens - 1u));
  let stride = params.heads * params.head_dim;
  let mine = packed_row(b, own, select(0u, 1u, OF_KEYS), head);
  let theirs = packed_row(b, 0u, select(1u, 0u, OF_KEYS), head) + others * (3u * stride);
  let my_value = packed_row(b, own, 2u, head);
  let their_values = packed_row(b, 0u, 2u, head) + others * (3u * stride);
  let my_upstream = out_row(b, own, head);
  let their_upstream = out_row(b, 0u, head) + others * stride;
  var score = vec4f();
  var score_tangent = vec4f();
  var slope = vec4f();
  var slope_tangent = vec4f();
  for (var d = 0u; d < params.head_dim; d++) {
    let x = widen(qkv[mine + d]);
    let y0 = qkv[theirs.x + d];
    let y1 = qkv[theirs.y + d];
    let y2 = qkv[theirs.z + d];
    let y3 = qkv[theirs.w + d];
    let at = theirs + d;
    score += products(x, y0, y1, y2, y3);
    score_tangent += products(widen(qkv_tangent[mine + d]), y0, y1, y2, y3)
      + products(x, qkv_tangent[at.x], qkv_tangent[at.y], qkv_tangent[at.z], qkv_tangent[at.w]);
    if (OF_KEYS) {
      let at = their_upstream + d;
      let u0 = d_out[at.x];
      let u1 = d_out[at.y];
      let u2 = d_out[at.z];
      let u3 = d_out[at.w];
      slope += products(widen(qkv[my_value + d]), u0, u1, u2, u3);
      slope_tangent += products(widen(qkv_tangent[my_value + d]), u0, u1, u2, u3);
    } else {
      let at = their_values + d;
      let upstream = widen(d_out[my_upstream + d]);
      slope += products(upstream, qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
      slope_tangent += products(upstream, qkv_tangent[at.x], qkv_tangent[at.y], qkv_tangent[at.z], qkv_tangent[at.w]);
    }
  }
  let row = (b * params.heads + head) * params.tokens;
  let queries = select(vec4u(row + own), row + others, OF_KEYS);
  // Columns: logsumexp, delta, and their tangents.
  let statistic = transpose(mat4x4f(statistics[queries.x], statistics[queries.y], statistics[queries.z], statistics[queries.w]));
  return Pairs(
    exp(params.scale * score - statistic[0]), params.scale * score_tangent - statistic[2], slope - statistic[1], slope_tangent - statistic[3]);
}
