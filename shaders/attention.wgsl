// out[b, t, h, :] = sum_j p[t, j] v[b, j, h, :] with p[t, :] = softmax over j of scale * dot(q[b, t, h, :], k[b, j, h, :])
// logsumexp[b, h, t] = log(sum_j exp(scale * dot(q[t], k[j]))), from which the gradient makes p again.
// Element (b, t, h, d) of q lies at q_offset + (b * queries + t) * q_stride + h * head_dim + d, those of k and v likewise with b * keys + j;
// out is packed: batch x queries x heads x head_dim. Offsets, strides and head_dim count values of one or four elements.
// With CAUSAL the keys of query t are those up to t. With GATED the share of key j carries a factor: p[t, j] = key_gate[j] exp(score[t, j]) over its sum, and so does the sum in logsumexp.
// With GATED_HEADS head_gate[h] is a factor on the result: out carries it, or, with BESIDE, gated does and out stays without.
//
//            BLOCK keys ------------>    Each invocation holds one query. For a block of keys it writes its scores to its own column of workgroup
//   query 0  | s0 s1 s2 s3 | s0 ...      memory, makes them probabilities relative to the running maximum, and adds their share of v to out.
//   query 1  | s0 s1 s2 s3 |  ...        All invocations read the same keys at the same time, so that one load serves them all. No barriers.
#import attention_operands

const GATED = false;
const CAUSAL = false;
const GATED_HEADS = false;
const BESIDE = false;

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Stored>;
@group(0) @binding(2) var<storage, read> k: array<Stored>;
@group(0) @binding(3) var<storage, read> v: array<Stored>;
@group(0) @binding(4) var<storage, read_write> out: array<Value>;
@group(0) @binding(5) var<storage, read_write> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate: array<f32>;
@group(0) @binding(7) var<storage, read> head_gate: array<f32>;
@group(0) @binding(8) var<storage, read_write> gated: array<Value>;

var<workgroup> scores: array<f32, BLOCK * GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.x * GROUP + lane;
  let head = group.y;
  let b = group.z;
  let query = b * params.queries + min(t, params.queries - 1u);
  let q_row = params.q_offset + query * params.q_stride + head * params.head_dim;
  let out_row = (query * params.heads + head) * params.head_dim;
  var highest = LOWEST;
  var sum = 0.0;
  var factor = 1.0;
  if (GATED_HEADS) { factor = head_gate[head]; }
  // No query of the workgroup sees a key past its last one.
  let keys = select(params.keys, min(params.keys, (group.x + 1u) * GROUP), CAUSAL);

  for (var first = 0u; first < keys; first += BLOCK) {
    let count = min(BLOCK, keys - first);
    let k_start = params.k_offset + (b * params.keys + first) * params.k_stride + head * params.head_dim;
    let v_start = params.v_offset + (b * params.keys + first) * params.v_stride + head * params.head_dim;

    // Keys past the end repeat the last one: they raise no maximum, and nothing below reads them.
    var higher = highest;
    for (var j = 0u; j < count; j += 4u) {
      let k0 = k_start + j * params.k_stride;
      let k1 = k_start + min(j + 1u, count - 1u) * params.k_stride;
      let k2 = k_start + min(j + 2u, count - 1u) * params.k_stride;
      let k3 = k_start + min(j + 3u, count - 1u) * params.k_stride;
      var s0 = 0.0;
      var s1 = 0.0;
      var s2 = 0.0;
      var s3 = 0.0;
      for (var d = 0u; d < params.head_dim; d++) {
        let scaled = widen(Value(q[q_row + d])) * params.scale;
        s0 += dot(scaled, vec4f(Value(k[k0 + d])));
        s1 += dot(scaled, vec4f(Value(k[k1 + d])));
        s2 += dot(scaled, vec4f(Value(k[k2 + d])));
        s3 += dot(scaled, vec4f(Value(k[k3 + d])));
      }
      if (GATED) {
        // A closed key must not raise the maximum, beside which open ones might vanish.
        let last = params.keys - 1u;
        s0 = select(s0, LOWEST, key_gate[first + j] == 0.0);
        s1 = select(s1, LOWEST, key_gate[min(first + j + 1u, last)] == 0.0);
        s2 = select(s2, LOWEST, key_gate[min(first + j + 2u, last)] == 0.0);
        s3 = select(s3, LOWEST, key_gate[min(first + j + 3u, last)] == 0.0);
      }
      if (CAUSAL) {
        s0 = select(s0, LOWEST, first + j > t);
        s1 = select(s1, LOWEST, first + j + 1u > t);
        s2 = select(s2, LOWEST, first + j + 2u > t);
        s3 = select(s3, LOWEST, first + j + 3u > t);
      }
      higher = max(higher, max(max(s0, s1), max(s2, s3)));
      scores[j * GROUP + lane] = s0;
      scores[(j + 1u) * GROUP + lane] = s1;
      scores[(j + 2u) * GROUP + lane] = s2;
      scores[(j + 3u) * GROUP + lane] = s3;
    }

    let fade = exp(highest - higher);
    highest = higher;
    sum *= fade;
    for (var j = 0u; j < count; j++) {
      var p = exp(scores[j * GROUP + lane] - highest);
      if (GATED) { p *= key_gate[first + j]; }
      if (CAUSAL) { p = select(p, 0.0, first + j > t); }
      sum += p;
      scores[j * GROUP + lane] = p;
    }

    // A head's last values may repeat: the invocation then computes and writes them twice.
    let last = first + BLOCK >= keys;
    let norm = select(1.0, select(factor, 1.0, BESIDE) / sum, last);
    for (var d = 0u; d < params.head_dim; d += 4u) {
      let d1 = min(d + 1u, params.head_dim - 1u);
      let d2 = min(d + 2u, params.head_dim - 1u);
      let d3 = min(d + 3u, params.head_dim - 1u);
      var o0 = Value();
      var o1 = Value();
      var o2 = Value();
      var o3 = Value();
      if (first > 0u) {
        o0 = fade * out[out_row + d];
        o1 = fade * out[out_row + d1];
        o2 = fade * out[out_row + d2];
        o3 = fade * out[out_row + d3];
      }
      for (var j = 0u; j < count; j++) {
        let p = scores[j * GROUP + lane];
        let row = v_start + j * params.v_stride;
        o0 += p * Value(v[row + d]);
        o1 += p * Value(v[row + d1]);
        o2 += p * Value(v[row + d2]);
        o3 += p * Value(v[row + d3]);
      }
      if (t < params.queries) {
        out[out_row + d] = o0 * norm;
        out[out_row + d1] = o1 * norm;
        out[out_row + d2] = o2 * norm;
        out[out_row + d3] = o3 * norm;
        if (BESIDE && last) {
          gated[out_row + d] = o0 * norm * factor;
          gated[out_row + d1] = o1 * norm * factor;
          gated[out_row + d2] = o2 * norm * factor;
          gated[out_row + d3] = o3 * norm * factor;
        }
      }
    }
  }
  if (t < params.queries) { logsumexp[(b * params.heads + head) * params.queries + t] = highest + log(sum); }
}
