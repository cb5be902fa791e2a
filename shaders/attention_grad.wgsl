// Gradients of attention by q, or by k and v with OF_KEYS, from p[t, j] = exp(scale * dot(q[t], k[j]) - logsumexp[t]) and
// ds[t, j] = scale * p[t, j] * (dot(d_out[t], v[j]) - delta[t]), delta[t] = dot(d_out[t], out[t]):
//   dq[t] = sum_j ds[t, j] k[j];   dk[j] = sum_t ds[t, j] q[t],   dv[j] = sum_t p[t, j] d_out[t]
// Both ways an invocation holds one row of its `own` side and goes through the rows of the `other`. First operands: q and k; second: d_out and v.
//
//             BLOCK other rows -------->    For a block of the other side's rows each invocation writes ds (and p) to its own column of
//   own row 0 | ds ds ds ds | ds ...        workgroup memory, then adds their share to its row of the gradient. No barriers, no atomics.
//   own row 1 | ds ds ds ds |  ...
//
// Element (b, r, h, d) of an operand lies at offset + (b * rows + r) * stride + h * head_dim + d. Offsets, strides and head_dim count values.
// With CAUSAL p[t, j] is zero for j > t, and blocks without such a pair are left out. With GATED p[t, j] carries the factor key_gate[j], as in attention.wgsl.
#import attention_operands

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
@group(0) @binding(1) var<storage, read> own_first: array<Value>;
@group(0) @binding(2) var<storage, read> own_second: array<Value>;
@group(0) @binding(3) var<storage, read> other_first: array<Value>;
@group(0) @binding(4) var<storage, read> other_second: array<Value>;
@group(0) @binding(5) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<Value>;
@group(0) @binding(8) var<storage, read> key_gate: array<f32>;

var<workgroup> slopes: array<f32, BLOCK * GROUP>;
var<workgroup> probabilities: array<f32, BLOCK * GROUP>;

// The share of key j, zero where it is closed, however large its score.
fn gated(p: f32, key: u32) -> f32 {
  let gate = key_gate[key];
  return select(p * gate, 0.0, gate == 0.0);
}

// Whether the key of this pair of rows lies behind its query.
fn unseen(own: u32, other: u32) -> bool {
  return select(other > own, own > other, OF_KEYS);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = group.x * GROUP + lane;
  let head = group.y;
  let b = group.z;
  let own = b * params.own_rows + min(r, params.own_rows - 1u);
  let column = head * params.head_dim;
  let own_first_row = params.own_first_offset + own * params.own_first_stride + column;
  let own_second_row = params.own_second_offset + own * params.own_second_stride + column;
  let gradient_row = own * params.gradient_stride + column;
  let statistics = (b * params.heads + head) * select(params.own_rows, params.other_rows, OF_KEYS);
  let own_statistics = statistics + min(r, params.own_rows - 1u);

  let start = select(0u, group.x * GROUP / BLOCK * BLOCK, CAUSAL && OF_KEYS);
  let end = select(params.other_rows, min(params.other_rows, (group.x + 1u) * GROUP), CAUSAL && !OF_KEYS);

  for (var first = start; first < end; first += BLOCK) {
    let count = min(BLOCK, end - first);
    let first_start = params.other_first_offset + (b * params.other_rows + first) * params.other_first_stride + column;
    let second_start = params.other_second_offset + (b * params.other_rows + first) * params.other_second_stride + column;

    for (var j = 0u; j < count; j += 2u) {
      let next = min(j + 1u, count - 1u);
      let first0 = first_start + j * params.other_first_stride;
      let first1 = first_start + next * params.other_first_stride;
      let second0 = second_start + j * params.other_second_stride;
      let second1 = second_start + next * params.other_second_stride;
      var s0 = 0.0;
      var s1 = 0.0;
      var dp0 = 0.0;
      var dp1 = 0.0;
      for (var d = 0u; d < params.head_dim; d++) {
        let mine = widen(own_first[own_first_row + d]);
        let upstream = widen(own_second[own_second_row + d]);
        s0 += dot(mine, vec4f(other_first[first0 + d]));
        s1 += dot(mine, vec4f(other_first[first1 + d]));
        dp0 += dot(upstream, vec4f(other_second[second0 + d]));
        dp1 += dot(upstream, vec4f(other_second[second1 + d]));
      }
      let t0 = select(own_statistics, statistics + first + j, OF_KEYS);
      let t1 = select(own_statistics, statistics + first + next, OF_KEYS);
      var p0 = exp(params.scale * s0 - logsumexp[t0]);
      var p1 = exp(params.scale * s1 - logsumexp[t1]);
      if (GATED) {
        let own_key = min(r, params.own_rows - 1u);
        p0 = gated(p0, select(first + j, own_key, OF_KEYS));
        p1 = gated(p1, select(first + next, own_key, OF_KEYS));
      }
      if (CAUSAL) {
        p0 = select(p0, 0.0, unseen(r, first + j));
        p1 = select(p1, 0.0, unseen(r, first + next));
      }
      slopes[j * GROUP + lane] = params.scale * p0 * (dp0 - delta[t0]);
      slopes[(j + 1u) * GROUP + lane] = params.scale * p1 * (dp1 - delta[t1]);
      if (OF_KEYS) {
        probabilities[j * GROUP + lane] = p0;
        probabilities[(j + 1u) * GROUP + lane] = p1;
      }
    }

    for (var d = 0u; d < params.head_dim; d++) {
      let first_at = params.first_gradient_offset + gradient_row + d;
      let second_at = params.second_gradient_offset + gradient_row + d;
      var first_sum = Value();
      var second_sum = Value();
      if (first > start) {
        first_sum = gradient[first_at];
        if (OF_KEYS) { second_sum = gradient[second_at]; }
      }
      for (var j = 0u; j < count; j++) {
        first_sum += slopes[j * GROUP + lane] * other_first[first_start + j * params.other_first_stride + d];
        if (OF_KEYS) {
          second_sum += probabilities[j * GROUP + lane] * other_second[second_start + j * params.other_second_stride + d];
        }
      }
      if (r < params.own_rows) {
        gradient[first_at] = first_sum;
        if (OF_KEYS) { gradient[second_at] = second_sum; }
      }
    }
  }
}
