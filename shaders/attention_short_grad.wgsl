// Gradients of attention as in attention_grad.wgsl for heads of few elements, by own_rows.wgsl: by q, or by k and v with OF_KEYS. The own rows of both
// first and second operand and their gradients stay in a lane's registers, while four rows of the other side at a time are handed around, for
// 1. p and ds, one product each;   2. the gradients' sums over the four. Everything counts elements.
#import own_rows

const OF_KEYS = false;
const GATED = false;
const CAUSAL = false;

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
@group(0) @binding(7) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(8) var<storage, read> key_gate: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let row_of_lane = (group.x * LANES + lane) * OWN;
  let statistics = (b * params.heads + head) * select(params.own_rows, params.other_rows, OF_KEYS);

  var first: Head;
  var second: Head;
  var own_logsumexp = Own();
  var own_delta = Own();
  var own_gate = Own(1.0);
  for (var c = 0u; c < OWN; c++) {
    let row = min(row_of_lane + c, params.own_rows - 1u);
    let place = b * params.own_rows + row;
    for (var d = 0u; d < DEPTH; d++) {
      let one = params.scale * quad_of_head(&own_first, params.own_first_offset + place * params.own_first_stride + column, d);
      let two = quad_of_head(&own_second, params.own_second_offset + place * params.own_second_stride + column, d);
      for (var i = 0u; i < 4u; i++) {
        first[d][i][c] = one[i];
        second[d][i][c] = two[i];
      }
    }
    if (!OF_KEYS) {
      own_logsumexp[c] = logsumexp[statistics + row];
      own_delta[c] = delta[statistics + row];
    } else if (GATED) {
      own_gate[c] = key_gate[row];
    }
  }

  var first_gradient: Head;
  var second_gradient: Head;
  // No query of earlier rows sees these keys, and these queries see no key of later ones.
  var start = select(0u, group.x * LANES * OWN / 4u * 4u, CAUSAL && OF_KEYS);
  let end = select(params.other_rows, min(params.other_rows, (group.x + 1u) * LANES * OWN), CAUSAL && !OF_KEYS);
  loop {
    let row = min(start + lane % 4u, params.other_rows - 1u);
    let place = b * params.other_rows + row;
    var others_first: Brought;
    var others_second: Brought;
    for (var n = 0u; n < LOADS; n++) {
      let d = n * STRIDE + lane / 4u;
      others_first[n] = quad_of_head(&other_first, params.other_first_offset + place * params.other_first_stride + column, d);
      others_second[n] = quad_of_head(&other_second, params.other_second_offset + place * params.other_second_stride + column, d);
    }
    var logsumexps = vec4f();
    var deltas = vec4f();
    var gates = vec4f(1.0);
    if (OF_KEYS) {
      logsumexps = of_others(logsumexp[statistics + row]);
      deltas = of_others(delta[statistics + row]);
    } else if (GATED) {
      gates = of_others(key_gate[row]);
    }

    var shares = products(&first, &others_first);
    var slopes = products(&second, &others_second);
    for (var j = 0u; j < 4u; j++) {
      let gate = own_gate * gates[j];
      // A hidden key's share without its gate may overflow.
      let seen = select(Own(), gate, start + j < params.other_rows);
      shares[j] = exp(shares[j] - own_logsumexp - logsumexps[j]);
      for (var c = 0u; c < OWN; c++) {
        let own = row_of_lane + c;
        let behind = CAUSAL && select(start + j > own, own > start + j, OF_KEYS);
        shares[j][c] = select(shares[j][c] * seen[c], 0.0, behind || seen[c] == 0.0);
      }
      slopes[j] = shares[j] * (slopes[j] - own_delta - deltas[j]);
    }
    add_shares(&first_gradient, slopes, &others_first);
    if (OF_KEYS) { add_shares(&second_gradient, shares, &others_second); }
    continuing {
      start += 4u;
      break if start >= end;
    }
  }

  for (var c = 0u; c < OWN; c++) {
    if (row_of_lane + c < params.own_rows) {
      let place = (b * params.own_rows + row_of_lane + c) * params.gradient_stride + column;
      for (var d = 0u; d < DEPTH; d++) {
        for (var i = 0u; i < 4u; i++) {
          if (QUAD == 4u || 4u * d + i < params.head_dim) {
            gradient[params.first_gradient_offset + place + 4u * d + i] = params.scale * first_gradient[d][i][c];
            if (OF_KEYS) { gradient[params.second_gradient_offset + place + 4u * d + i] = second_gradient[d][i][c]; }
          }
        }
      }
    }
  }
}
