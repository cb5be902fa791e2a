// Gradients of attention as in attention_grad.wgsl, for lavapipe, which runs a subgroup as one vector of the CPU: by q, or by k and v with OF_KEYS. A workgroup is one
// subgroup and has own rows of one head of an image, whose gradients these are. Both of the other side's operands stay on its stack, GROUPS * LANES rows at
// once, and own rows pass by, PARTS in a turn:
//
//              other rows, LANES a group    1. p = exp(score - logsumexp) and the slope ds = p (d_out v - delta), from one product each: every lane those of
//              ┌────┬────┬────┬────┐           its other rows, to which an own row's quads are handed around;
//  own rows -> │ l0 │ l1 │ l2 │ ...│        2. the gradients, ds (and with OF_KEYS p) times other rows: each lane its quad, of rows that are spread over the
//              ├────┼────┼────┼────┤           lanes; ds and p are handed around.
//              │ l0 │ l1 │ l2 │ ...│        The next other rows come with another pass of the own ones, which adds to the gradients.
//              └────┴────┴────┴────┘        Everything counts elements.
//
// With OF_GATES, too, `gradient` gets that by the gates of the keys instead, by image and head: [b, h, j], the sum of ds over queries. The gate has no part in
// ds then (attention_gate_grad.wgsl has the formula), so that GATED is false, and closed keys get theirs.
#import head_rows

const OF_KEYS = false;
const OF_GATES = false; // only with OF_KEYS
const GATED = false;
const CAUSAL = false;
const LOWEST = -3.4028234e38;
const LOG2_E = 1.4426950408889634;
alias Result = array<f32, QUAD>; // vec4f with whole quads

struct Params {
  heads: u32, head_dim: u32, own_rows: u32, other_rows: u32, scale: f32,
  own_first_offset: u32, own_first_stride: u32, own_second_offset: u32, own_second_stride: u32,
  other_first_offset: u32, other_first_stride: u32, other_second_offset: u32, other_second_stride: u32,
  first_gradient_offset: u32, second_gradient_offset: u32, gradient_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> own_first: array<Quad>;
@group(0) @binding(2) var<storage, read> own_second: array<Quad>;
@group(0) @binding(3) var<storage, read> other_first: array<Quad>;
@group(0) @binding(4) var<storage, read> other_second: array<Quad>;
@group(0) @binding(5) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<Result>;
@group(0) @binding(8) var<storage, read> key_gate: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let own_first_start = params.own_first_offset + b * params.own_rows * params.own_first_stride + column;
  let own_second_start = params.own_second_offset + b * params.own_rows * params.own_second_stride + column;
  let other_first_start = params.other_first_offset + b * params.other_rows * params.other_first_stride + column;
  let other_second_start = params.other_second_offset + b * params.other_rows * params.other_second_stride + column;
  let gradient_start = b * params.own_rows * params.gradient_stride + column;
  let statistics = (b * params.heads + head) * select(params.own_rows, params.other_rows, OF_KEYS);
  let part = lane / WIDTH;
  let rows = rows_of_workgroup(params.own_rows, groups.x);
  let end = min((group.x + 1u) * rows, params.own_rows);
  // In causal order queries see no key after them, and keys no query before them.
  let others_end = min(params.other_rows, select(params.other_rows, end, CAUSAL && !OF_KEYS));

  var start = select(0u, group.x * rows / HELD * HELD, CAUSAL && OF_KEYS && !ALL);
  loop {
    var firsts: Groups;
    var seconds: Groups;
    var spread_firsts: Groups;
    var spread_seconds: Groups;
    var gates: array<f32, GROUPS>;
    var hidden: array<f32, GROUPS>; // what a score starts from: the lowest where there is no row, or a closed key
    var slope_starts: array<f32, GROUPS>;
    var first = start;
    loop {
      let row = min(first + lane, params.other_rows - 1u);
      var one: Group;
      var two: Group;
      var turn = 0u;
      loop {
        var of_first: Turn;
        var of_second: Turn;
        for (var n = 0u; n < QUADS; n++) {
          of_first[n] = quad_of_head(&other_first, other_first_start + row * params.other_first_stride, turn * QUADS + n);
          of_second[n] = quad_of_head(&other_second, other_second_start + row * params.other_second_stride, turn * QUADS + n);
        }
        append(&one, of_first);
        append(&two, of_second);
        continuing { turn++; break if turn >= turns(); }
      }
      append_group(&firsts, one);
      append_group(&seconds, two);
      if (!OF_GATES) { append_group(&spread_firsts, spread(one, lane)); }
      if (OF_KEYS && !OF_GATES) { append_group(&spread_seconds, spread(two, lane)); }
      var gate = 1.0;
      var score_start = 0.0;
      if (OF_KEYS) {
        score_start = -LOG2_E * logsumexp[statistics + row];
        append_value(&slope_starts, -delta[statistics + row]);
      } else if (GATED) {
        gate = key_gate[row];
        append_value(&gates, gate);
      }
      append_value(&hidden, select(LOWEST, score_start, first + lane < params.other_rows && gate != 0.0));
      continuing { first += LANES; break if first >= end_of_groups(start, params.other_rows); }
    }

    // No query before the first key sees any of them, and these queries see no key after the last of them.
    first = max(group.x * rows, select(0u, start, CAUSAL && !OF_KEYS));
    let seen = select(end, min(end, start + GROUPS * LANES), CAUSAL && OF_KEYS);
    loop {
      let row = min(first + part, params.own_rows - 1u);
      var one: Turn;
      var two: Turn;
      for (var n = 0u; n < QUADS; n++) {
        one[n] = params.scale * LOG2_E * quad_of_head(&own_first, own_first_start + row * params.own_first_stride, quad_of(lane, n));
        two[n] = quad_of_head(&own_second, own_second_start + row * params.own_second_stride, quad_of(lane, n));
      }
      // Of the lane's part: what a score and a slope start from, and the gate.
      var score_start = 0.0;
      var slope_start = 0.0;
      var own_gate = 1.0;
      if (!OF_KEYS) {
        score_start = -LOG2_E * logsumexp[statistics + row];
        slope_start = -delta[statistics + row];
      } else if (GATED) {
        own_gate = key_gate[row];
        score_start = select(LOWEST, 0.0, own_gate != 0.0);
      }

      var shares: Products;
      var slopes: Products;
      for (var r = 0u; r < PARTS; r++) {
        let of_score = subgroupShuffle(score_start, r * WIDTH);
        let of_slope = subgroupShuffle(slope_start, r * WIDTH);
        for (var g = 0u; g < GROUPS; g++) {
          shares[r][g] = hidden[g];
          if (!OF_KEYS || GATED) { shares[r][g] += of_score; }
          if (OF_KEYS) { slopes[r][g] = slope_starts[g]; } else { slopes[r][g] = of_slope; }
          if (CAUSAL) {
            let own = first + r;
            let other = start + g * LANES + lane;
            shares[r][g] = select(shares[r][g], LOWEST, select(own < other, other < own, OF_KEYS));
          }
        }
      }
      add_products(&shares, one, &firsts);
      add_products(&slopes, two, &seconds);
      for (var r = 0u; r < PARTS; r++) {
        let of_gate = subgroupShuffle(own_gate, r * WIDTH);
        for (var g = 0u; g < GROUPS; g++) {
          shares[r][g] = exp2(shares[r][g]);
          if (GATED) { shares[r][g] *= select(gates[g], of_gate, OF_KEYS); }
          slopes[r][g] *= shares[r][g];
        }
      }

      // To keys in causal order the first queries that see them come later than the first of all.
      let more = select(start > 0u, first < start, CAUSAL && OF_KEYS);
      if (OF_GATES) {
        for (var r = 0u; r < PARTS; r++) {
          var sum = 0.0;
          for (var g = 0u; g < GROUPS; g++) { sum += slopes[r][g]; }
          sum = total(sum);
          if (lane == 0u && first + r < seen) { write_gate((b * params.heads + head) * params.own_rows + first + r, sum, more); }
        }
      } else {
        let first_sums = sums_by_shares(&slopes, &spread_firsts, lane);
        var second_sums: Turn;
        if (OF_KEYS) { second_sums = sums_by_shares(&shares, &spread_seconds, lane); }
        if (first + part < seen) {
          let place = gradient_start + row * params.gradient_stride;
          for (var n = 0u; n < QUADS; n++) {
            write(params.first_gradient_offset + place, quad_of(lane, n), params.scale * first_sums[n], more);
            if (OF_KEYS) { write(params.second_gradient_offset + place, quad_of(lane, n), second_sums[n], more); }
          }
        }
      }
      continuing { first += PARTS; break if first >= seen; }
    }
    continuing { start += GROUPS * LANES; break if ALL || start >= others_end; }
  }
}

// A quad of a row, added to what is there where there is more than these other rows.
fn write(row: u32, d: u32, quad: vec4f, more: bool) {
  for (var i = 0u; i < 4u; i += QUAD) {
    if (4u * d + i < params.head_dim) {
      let place = (row + 4u * d + i) / QUAD;
      var result = Result();
      if (!ALL && more) { result = gradient[place]; }
      for (var e = 0u; e < QUAD; e++) { result[e] += quad[i + e]; }
      gradient[place] = result;
    }
  }
}

fn write_gate(place: u32, sum: f32, more: bool) {
  var result = Result();
  if (!ALL && more) { result = gradient[place]; }
  result[0] += sum;
  gradient[place] = result;
}
