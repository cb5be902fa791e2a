// Attention as in attention.wgsl, for lavapipe, which runs a subgroup as one vector of the CPU. A workgroup is one subgroup and has queries of one head of an
// image. Keys and values stay on its stack, GROUPS * LANES at once, and queries pass by, PARTS in a turn:
//
//              keys, LANES a group       1. scores = k q: each lane those of its own keys, to which a query's quads are handed around;
//             ┌────┬────┬────┬────┐      2. p = exp(scores - highest), the highest and the sum of p over all lanes;
//  queries -> │ l0 │ l1 │ l2 │ ...│      3. out = p v / sum: each lane its quad, of values that are spread over the lanes; p is handed around.
//             ├────┼────┼────┼────┤
//             │ l0 │ l1 │ l2 │ ...│      The next keys come with another pass of the queries, which adds to out by the sums of both.
//             └────┴────┴────┴────┘      Everything counts elements.
#import head_rows

const GATED = false;
const CAUSAL = false;
const GATED_HEADS = false;
const BESIDE = false;
const LOWEST = -3.4028234e38;
const LOG2_E = 1.4426950408889634;
alias Result = array<f32, QUAD>; // vec4f with whole quads

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Quad>;
@group(0) @binding(2) var<storage, read> k: array<Quad>;
@group(0) @binding(3) var<storage, read> v: array<Quad>;
@group(0) @binding(4) var<storage, read_write> out: array<Result>;
@group(0) @binding(5) var<storage, read_write> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate: array<f32>;
@group(0) @binding(7) var<storage, read> head_gate: array<f32>;
@group(0) @binding(8) var<storage, read_write> gated: array<Result>;

// What a query's shares are relative to, and their sum.
struct Shares { highest: f32, sum: f32 }

// Makes shares of scores, which count powers of two.
fn share(scores: ptr<function, array<f32, GROUPS>>, gates: ptr<function, array<f32, GROUPS>>) -> Shares {
  var highest = (*scores)[0];
  for (var g = 1u; g < GROUPS; g++) { highest = larger(highest, (*scores)[g]); }
  highest = largest(highest);
  var sum = 0.0;
  for (var g = 0u; g < GROUPS; g++) {
    (*scores)[g] = exp2((*scores)[g] - highest);
    if (GATED) { (*scores)[g] *= (*gates)[g]; }
    sum += (*scores)[g];
  }
  return Shares(highest, total(sum));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let q_start = params.q_offset + b * params.queries * params.q_stride + column;
  let k_start = params.k_offset + b * params.keys * params.k_stride + column;
  let v_start = params.v_offset + b * params.keys * params.v_stride + column;
  let out_start = b * params.queries * params.heads * params.head_dim + column;
  let statistics = (b * params.heads + head) * params.queries;
  let part = lane / WIDTH;
  let rows = rows_of_workgroup(params.queries, groups.x);
  let end = min((group.x + 1u) * rows, params.queries);
  let seen = min(params.keys, select(params.keys, end, CAUSAL)); // no query sees keys after it

  var factor = 1.0;
  if (GATED_HEADS) { factor = head_gate[head]; }

  var start = 0u;
  loop {
    var keys: Groups;
    var values: Groups;
    var gates: array<f32, GROUPS>;
    var hidden: array<f32, GROUPS>; // what a score starts from: the lowest where there is no key, or a closed one
    var first = start;
    loop {
      let own_key = min(first + lane, params.keys - 1u);
      var key: Group;
      var value: Group;
      var turn = 0u;
      loop {
        let spread_key = min(first + turn * PARTS + part, params.keys - 1u);
        var of_key: Turn;
        var of_value: Turn;
        for (var n = 0u; n < QUADS; n++) {
          of_key[n] = quad_of_head(&k, k_start + own_key * params.k_stride, turn * QUADS + n);
          of_value[n] = quad_at(&v, v_start + spread_key * params.v_stride + 4u * quad_of(lane, n));
        }
        append(&key, of_key);
        append(&value, of_value);
        continuing { turn++; break if turn >= turns(); }
      }
      append_group(&keys, key);
      append_group(&values, value);
      var gate = 1.0;
      if (GATED) {
        gate = key_gate[own_key];
        append_value(&gates, gate);
      }
      append_value(&hidden, select(LOWEST, 0.0, first + lane < params.keys && gate != 0.0));
      continuing { first += LANES; break if first >= end_of_groups(start, params.keys); }
    }

    // No query before the first key sees any of them.
    first = max(group.x * rows, select(0u, start, CAUSAL));
    loop {
      let query = min(first + part, params.queries - 1u);
      var quads: Turn;
      for (var n = 0u; n < QUADS; n++) { quads[n] = params.scale * LOG2_E * quad_of_head(&q, q_start + query * params.q_stride, quad_of(lane, n)); }

      var scores: Products;
      for (var r = 0u; r < PARTS; r++) {
        for (var g = 0u; g < GROUPS; g++) {
          let key = start + g * LANES + lane;
          scores[r][g] = select(hidden[g], LOWEST, CAUSAL && first + r < key);
          // Known without what lies on the stack.
          if (ALL && !GATED && !CAUSAL) { scores[r][g] = select(LOWEST, 0.0, key < HELD); }
        }
      }
      add_products(&scores, quads, &keys);
      var highest: array<f32, PARTS>;
      var sum: array<f32, PARTS>;
      for (var r = 0u; r < PARTS; r++) {
        let all = share(&scores[r], &gates);
        highest[r] = all.highest;
        sum[r] = all.sum;
      }
      var sums = sums_by_shares(&scores, &values, lane);

      var shares = Shares(of_part(highest, lane), of_part(sum, lane));
      var rise = 1.0;
      var keep = 0.0;
      if (!ALL) {
        // By the lane that wrote it: others have no claim to see it.
        var before = LOWEST;
        if (start > 0u && quad_of(lane, 0u) == 0u && first + part < end) { before = LOG2_E * logsumexp[statistics + query]; }
        before = subgroupShuffle(before, part * WIDTH);
        let higher = larger(before, shares.highest);
        rise = exp2(shares.highest - higher);
        keep = exp2(before - higher);
        shares = Shares(higher, fma(rise, shares.sum, keep));
      }
      if (first + part < end) {
        let row = out_start + query * params.heads * params.head_dim;
        let norm = 1.0 / shares.sum;
        let gain = norm * rise * select(factor, 1.0, BESIDE);
        // Behind the last keys that this query sees.
        let done = start + GROUPS * LANES >= select(params.keys, query + 1u, CAUSAL);
        for (var n = 0u; n < QUADS; n++) {
          let quad = write(row, quad_of(lane, n), gain * sums[n], norm * keep, start > 0u);
          if (BESIDE && (ALL || done)) { write_gated(row, quad_of(lane, n), factor * quad); }
        }
        if (quad_of(lane, 0u) == 0u) { logsumexp[statistics + query] = (shares.highest + log2(shares.sum)) / LOG2_E; }
      }
      continuing { first += PARTS; break if first >= end; }
    }
    continuing { start += GROUPS * LANES; break if ALL || start >= seen; }
  }
}

// Writes a quad of a row, added to what is kept of the row where there is more than these keys, and tells what stands there.
fn write(row: u32, d: u32, quad: vec4f, keep: f32, more: bool) -> vec4f {
  var written = quad;
  for (var i = 0u; i < 4u; i += QUAD) {
    if (4u * d + i < params.head_dim) {
      let place = (row + 4u * d + i) / QUAD;
      var result = Result();
      if (!ALL && more) { result = out[place]; }
      for (var e = 0u; e < QUAD; e++) {
        result[e] = fma(keep, result[e], quad[i + e]);
        written[i + e] = result[e];
      }
      out[place] = result;
    }
  }
  return written;
}

fn write_gated(row: u32, d: u32, quad: vec4f) {
  for (var i = 0u; i < 4u; i += QUAD) {
    if (4u * d + i < params.head_dim) {
      var result = Result();
      for (var e = 0u; e < QUAD; e++) { result[e] = quad[i + e]; }
      gated[(row + 4u * d + i) / QUAD] = result;
    }
  }
}
