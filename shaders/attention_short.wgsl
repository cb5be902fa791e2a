// Attention as in attention.wgsl for heads of few elements, by own_rows.wgsl: a lane's queries and their results stay in its registers while keys and values
// go by in fours, so that nothing is padded but the queries to OWN * LANES and the keys to four. Everything counts elements.
//
//               OWN * LANES queries     For four keys:
//           ┌────┬────┬────┬─           1. scores k q^T, and the highest of them so far;
//  4 keys   │ l0 │ l1 │ l2 │ ...        2. what was summed fades by exp(highest before - highest now);
//           ├────┼────┼────┼─           3. out^T += v^T p, p = exp(scores - highest).
//  4 keys   │    │    │    │
#import own_rows

const GATED = false;
const CAUSAL = false;
const GATED_HEADS = false;
const BESIDE = false;
const LOWEST = -3.4028234e38;

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Quad>;
@group(0) @binding(2) var<storage, read> k: array<Quad>;
@group(0) @binding(3) var<storage, read> v: array<Quad>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate: array<f32>;
@group(0) @binding(7) var<storage, read> head_gate: array<f32>;
@group(0) @binding(8) var<storage, read_write> gated: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let query = (group.x * LANES + lane) * OWN;
  let end = select(params.keys, min(params.keys, (group.x + 1u) * LANES * OWN), CAUSAL);

  var own: Head;
  for (var c = 0u; c < OWN; c++) {
    let row = params.q_offset + (b * params.queries + min(query + c, params.queries - 1u)) * params.q_stride + column;
    for (var d = 0u; d < DEPTH; d++) {
      let quad = params.scale * quad_of_head(&q, row, d);
      for (var i = 0u; i < 4u; i++) { own[d][i][c] = quad[i]; }
    }
  }

  var highest = Own(LOWEST);
  var sum = Own();
  var sums: Head;
  var first = 0u;
  loop {
    // Keys past the end repeat the last one, and are not seen.
    let key = min(first + lane % 4u, params.keys - 1u);
    let k_row = params.k_offset + (b * params.keys + key) * params.k_stride + column;
    let v_row = params.v_offset + (b * params.keys + key) * params.v_stride + column;
    var keys: Brought;
    var values: Brought;
    for (var n = 0u; n < LOADS; n++) {
      keys[n] = quad_of_head(&k, k_row, n * STRIDE + lane / 4u);
      values[n] = quad_at(&v, v_row + 4u * (n * STRIDE + lane / 4u));
    }
    var gates = vec4f(1.0);
    if (GATED) { gates = of_others(key_gate[key]); }

    var scores = products(&own, &keys);
    for (var j = 0u; j < 4u; j++) {
      // A closed key must not raise the maximum, beside which open ones might vanish.
      scores[j] = select(Own(LOWEST), scores[j], first + j < end && gates[j] != 0.0);
      if (CAUSAL) {
        for (var c = 0u; c < OWN; c++) { scores[j][c] = select(LOWEST, scores[j][c], first + j <= query + c); }
      }
    }
    let higher = max(highest, max(max(scores[0], scores[1]), max(scores[2], scores[3])));
    let fade = exp(highest - higher);
    highest = higher;
    let shares = Block(
      exp(scores[0] - higher) * gates[0], exp(scores[1] - higher) * gates[1], exp(scores[2] - higher) * gates[2], exp(scores[3] - higher) * gates[3]);
    sum = fade * sum + ((shares[0] + shares[1]) + (shares[2] + shares[3]));
    for (var d = 0u; d < DEPTH; d++) {
      for (var i = 0u; i < 4u; i++) { sums[d][i] *= fade; }
    }
    add_shares(&sums, shares, &values);
    continuing {
      first += 4u;
      break if first >= end;
    }
  }

  var factor = 1.0;
  if (GATED_HEADS) { factor = head_gate[head]; }
  for (var c = 0u; c < OWN; c++) {
    if (query + c < params.queries) {
      let norm = select(factor, 1.0, BESIDE) / sum[c];
      let row = ((b * params.queries + query + c) * params.heads + head) * params.head_dim;
      for (var d = 0u; d < DEPTH; d++) {
        for (var i = 0u; i < 4u; i++) {
          if (QUAD == 4u || 4u * d + i < params.head_dim) {
            let value = sums[d][i][c] * norm;
            out[row + 4u * d + i] = value;
            if (BESIDE) { gated[row + 4u * d + i] = factor * value; }
          }
        }
      }
      logsumexp[(b * params.heads + head) * params.queries + query + c] = highest[c] + log(sum[c]);
    }
  }
}
