// How attention's gradient follows qkv (and the key gates) at a fixed upstream gradient. With share, share_slope, slope, slope_tangent of
// attention_pairs.wgsl:
//   p = share * gate,  p_tangent = p * share_slope + share * gate_tangent
//   ds = scale * p * slope,  ds_tangent = scale * (p_tangent * slope + p * slope_tangent)
//   dq[t] = sum_j ds_tangent[t, j] k[j] + ds[t, j] k_tangent[j];   with OF_KEYS dk[j] = sum_t ds_tangent[t, j] q[t] + ds[t, j] q_tangent[t],
//   dv[j] = sum_t p_tangent[t, j] d_out[t]
// qkv, qkv_tangent, gradient: batch x tokens x 3 x heads x head_dim; d_out: batch x tokens x heads x head_dim; statistics: batch x heads x tokens;
// key_gate(_tangent): tokens, read with GATED. An invocation holds one row of its own side, a query or with OF_KEYS a key, and writes what a block of
// the other side's rows weighs to its own column of workgroup memory, as in attention_grad.wgsl. head_dim counts values of one or four elements.
#import attention_pairs

const GATED = false;

struct Params { tokens: u32, heads: u32, head_dim: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<Value>;
@group(0) @binding(2) var<storage, read> qkv_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> d_out: array<Value>;
@group(0) @binding(4) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(5) var<storage, read> key_gate: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate_tangent: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<Value>;

var<workgroup> slopes: array<f32, BLOCK * GROUP>;
var<workgroup> slope_tangents: array<f32, BLOCK * GROUP>;
var<workgroup> share_tangents: array<f32, BLOCK * GROUP>;

// The keys of four pairs.
fn keys_of(own: u32, other: u32) -> vec4u {
  return select(min(other + vec4u(0u, 1u, 2u, 3u), vec4u(params.tokens - 1u)), vec4u(own), OF_KEYS);
}

fn gates(own: u32, other: u32) -> vec4f {
  let keys = keys_of(own, other);
  return vec4f(key_gate[keys.x], key_gate[keys.y], key_gate[keys.z], key_gate[keys.w]);
}

fn gate_tangents(own: u32, other: u32) -> vec4f {
  let keys = keys_of(own, other);
  return vec4f(key_gate_tangent[keys.x], key_gate_tangent[keys.y], key_gate_tangent[keys.z], key_gate_tangent[keys.w]);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = min(group.x * GROUP + lane, params.tokens - 1u);
  let real = group.x * GROUP + lane < params.tokens;
  let head = group.y;
  let b = group.z;
  let first_row = packed_row(b, own, select(0u, 1u, OF_KEYS), head);
  let second_row = packed_row(b, own, 2u, head);
  let stride = 3u * params.heads * params.head_dim;

  for (var first = 0u; first < params.tokens; first += BLOCK) {
    let count = min(BLOCK, params.tokens - first);
    for (var j = 0u; j < count; j += 4u) {
      let pairs = pairs_of(b, head, own, first + j);
      var share = pairs.share;
      var share_tangent = share * pairs.share_slope;
      if (GATED) {
        let gate = gates(own, first + j);
        let gate_tangent = gate_tangents(own, first + j);
        // A closed key's share without its gate may overflow.
        share_tangent = select(share_tangent * gate, vec4f(), gate == vec4f())
          + select(share * gate_tangent, vec4f(), gate_tangent == vec4f());
        share = select(share * gate, vec4f(), gate == vec4f());
      }
      let slope = params.scale * share * pairs.slope;
      let slope_tangent = params.scale * (share_tangent * pairs.slope + share * pairs.slope_tangent);
      for (var i = 0u; i < 4u; i++) {
        slopes[(j + i) * GROUP + lane] = slope[i];
        slope_tangents[(j + i) * GROUP + lane] = slope_tangent[i];
        if (OF_KEYS) { share_tangents[(j + i) * GROUP + lane] = share_tangent[i]; }
      }
    }

    let other_start = packed_row(b, first, select(1u, 0u, OF_KEYS), head);
    let upstream_start = out_row(b, first, head);
    for (var d = 0u; d < params.head_dim; d++) {
      var first_sum = Value();
      var second_sum = Value();
      if (first > 0u) {
        first_sum = gradient[first_row + d];
        if (OF_KEYS) { second_sum = gradient[second_row + d]; }
      }
      for (var j = 0u; j < count; j++) {
        let other = other_start + j * stride + d;
        first_sum += slope_tangents[j * GROUP + lane] * qkv[other] + slopes[j * GROUP + lane] * qkv_tangent[other];
        if (OF_KEYS) {
          second_sum += share_tangents[j * GROUP + lane] * d_out[upstream_start + j * params.heads * params.head_dim + d];
        }
      }
      if (real) {
        gradient[first_row + d] = first_sum;
        if (OF_KEYS) { gradient[second_row + d] = second_sum; }
      }
    }
  }
}
