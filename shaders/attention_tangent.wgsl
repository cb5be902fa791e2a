// Tangent of attention when qkv moves along qkv_tangent, with p[t, j] = exp(scale * dot(q[t], k[j]) - logsumexp[t]) and
// w[t, j] = p[t, j] * scale * (dot(q_tangent[t], k[j]) + dot(q[t], k_tangent[j])):
//   logsumexp_tangent[t] = sum_j w[t, j];   out_tangent[t] = sum_j (w[t, j] v[j] + p[t, j] v_tangent[j]) - logsumexp_tangent[t] * out[t]
// With GATED p[t, j] carries the factor key_gate[j], and w[t, j] also gains p[t, j] / key_gate[j] * key_gate_tangent[j].
// qkv, qkv_tangent: batch x tokens x 3 x heads x head_dim; out, out_tangent: batch x tokens x heads x head_dim; logsumexp(_tangent): batch x heads x
// tokens; key_gate(_tangent): tokens. An invocation holds one query and writes p and w of a block of keys to its own column of workgroup
// memory, as in attention.wgsl. head_dim counts values of one or four elements.
#import attention_operands

const GATED = false;

struct Params { tokens: u32, heads: u32, head_dim: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<Value>;
@group(0) @binding(2) var<storage, read> qkv_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> out: array<Value>;
@group(0) @binding(4) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(5) var<storage, read> key_gate: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate_tangent: array<f32>;
@group(0) @binding(7) var<storage, read_write> out_tangent: array<Value>;
@group(0) @binding(8) var<storage, read_write> logsumexp_tangent: array<f32>;

var<workgroup> shares: array<f32, BLOCK * GROUP>;
var<workgroup> moved_shares: array<f32, BLOCK * GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = min(group.x * GROUP + lane, params.tokens - 1u);
  let real = group.x * GROUP + lane < params.tokens;
  let head = group.y;
  let b = group.z;
  let width = params.heads * params.head_dim;
  let column = head * params.head_dim;
  let q_row = (b * params.tokens + t) * 3u * width + column;
  let out_row = (b * params.tokens + t) * width + column;
  let statistic = (b * params.heads + head) * params.tokens + t;
  let log_sum = logsumexp[statistic];
  var total = 0.0;

  for (var first = 0u; first < params.tokens; first += BLOCK) {
    let count = min(BLOCK, params.tokens - first);
    let k_start = ((b * params.tokens + first) * 3u + 1u) * width + column;
    let v_start = k_start + width;

    // Keys past the end repeat the last one; nothing below reads them.
    for (var j = 0u; j < count; j += 4u) {
      let keys = min(j + vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u));
      var score = vec4f();
      var score_tangent = vec4f();
      for (var d = 0u; d < params.head_dim; d++) {
        let at = k_start + keys * (3u * width) + d;
        let q = widen(qkv[q_row + d]);
        let k0 = qkv[at.x];
        let k1 = qkv[at.y];
        let k2 = qkv[at.z];
        let k3 = qkv[at.w];
        score += products(q, k0, k1, k2, k3);
        score_tangent += products(widen(qkv_tangent[q_row + d]), k0, k1, k2, k3)
          + products(q, qkv_tangent[at.x], qkv_tangent[at.y], qkv_tangent[at.z], qkv_tangent[at.w]);
      }
      for (var i = 0u; i < 4u; i++) {
        var share = exp(params.scale * score[i] - log_sum);
        var moved = share * params.scale * score_tangent[i];
        if (GATED) {
          // A closed key's share without its gate may overflow.
          let gate = key_gate[first + keys[i]];
          let gate_tangent = key_gate_tangent[first + keys[i]];
          moved = select(moved * gate, 0.0, gate == 0.0) + select(share * gate_tangent, 0.0, gate_tangent == 0.0);
          share = select(share * gate, 0.0, gate == 0.0);
        }
        if (j + i < count) { total += moved; }
        shares[(j + i) * GROUP + lane] = share;
        moved_shares[(j + i) * GROUP + lane] = moved;
      }
    }

    let last = first + BLOCK >= params.tokens;
    for (var d = 0u; d < params.head_dim; d++) {
      var sum = Value();
      if (first > 0u) { sum = out_tangent[out_row + d]; }
      for (var j = 0u; j < count; j++) {
        let v_row = v_start + j * 3u * width + d;
        sum += moved_shares[j * GROUP + lane] * qkv[v_row] + shares[j * GROUP + lane] * qkv_tangent[v_row];
      }
      if (last) { sum -= total * out[out_row + d]; }
      if (real) { out_tangent[out_row + d] = sum; }
    }
  }
  if (real) { logsumexp_tangent[statistic] = total; }
}
