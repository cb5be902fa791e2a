// Attention as in attention.wgsl, for drivers that run a subgroup as one vector of the CPU. Everything counts vec4: head_dim elements in steps of four.
//
//               COLUMNS queries      One workgroup is one subgroup of LANES (4 or 8) invocations; lane l has queries 4 l to 4 l + 3, and
//             ┌────┬────┬────┬─      everything of theirs: keys and values are handed around. For a block of keys:
//  ROWS keys  │ l0 │ l1 │ l2 │ ...   1. scores k q^T by tiles of ROWS keys in registers, kept as 4 x 4 blocks of keys x queries;
//             ├────┼────┼────┼─      2. out^T = fade * out^T + v^T p by tiles of ROWS elements of v, p relative to the query's running maximum.
//  ROWS keys  │    │    │    │       A lane reads only what it wrote: workgroup memory without barriers.
#import lane_tile

alias Stored = vec4f; // operands in memory: vec4h
const GATED = false;
const CAUSAL = false;
const GATED_HEADS = false;
const BESIDE = false;
const BLOCK = 128u;
const LOWEST = -3.4028234e38;

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Stored>;
@group(0) @binding(2) var<storage, read> k: array<Stored>;
@group(0) @binding(3) var<storage, read> v: array<Stored>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> key_gate: array<f32>;
@group(0) @binding(7) var<storage, read> head_gate: array<f32>;
@group(0) @binding(8) var<storage, read_write> gated: array<vec4f>;

// [key / 4, lane]: column i is key i for this lane's four queries.
var<workgroup> scores: array<mat4x4f, BLOCK / 4u * LANES>;
// Whether these queries see a key. A closed key must not raise the maximum, beside which open ones might vanish.
fn seen(key: u32, queries: vec4u) -> vec4<bool> {
  let open = !GATED || key_gate[min(key, params.keys - 1u)] != 0.0;
  return vec4<bool>(open) & (vec4<bool>(!CAUSAL) | (vec4u(key) <= queries));
}

// The factor on a key's share for these queries.
fn share(key: u32, queries: vec4u) -> vec4f {
  var gate = 1.0;
  if (GATED) { gate = key_gate[min(key, params.keys - 1u)]; }
  return select(vec4f(), vec4f(gate), seen(key, queries));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let queries = group.x * COLUMNS + 4u * lane + STEPS;
  let q_rows = params.q_offset + (b * params.queries + min(queries, vec4u(params.queries - 1u))) * params.q_stride + column;
  let out_rows = ((b * params.queries + queries) * params.heads + head) * params.head_dim;
  let end = select(params.keys, min(params.keys, (group.x + 1u) * COLUMNS), CAUSAL);
  var factor = 1.0;
  if (GATED_HEADS) { factor = head_gate[head]; }
  var highest = vec4f(LOWEST);
  var sum = vec4f();

  for (var first = 0u; first < end; first += BLOCK) {
    let count = min(BLOCK, end - first);
    let quads = (count + 3u) / 4u;
    let k_start = params.k_offset + (b * params.keys + first) * params.k_stride + column;
    let v_start = params.v_offset + (b * params.keys + first) * params.v_stride + column;

    var higher = highest;
    for (var j = 0u; j < count; j += ROWS) {
      // Keys past the end repeat the last one, and fall out below.
      let k_rows = k_start + min(j + STEPS * LANES + lane, vec4u(count - 1u)) * params.k_stride;
      var tile = Tile();
      for (var d = 0u; d < params.head_dim; d++) {
        let rows = mat4x4f(vec4f(k[k_rows.x + d]), vec4f(k[k_rows.y + d]), vec4f(k[k_rows.z + d]), vec4f(k[k_rows.w + d]));
        add_product(&tile, rows, transpose(mat4x4f(
          vec4f(q[q_rows.x + d]), vec4f(q[q_rows.y + d]), vec4f(q[q_rows.z + d]), vec4f(q[q_rows.w + d]))));
      }
      for (var n = 0u; n < min(LANES, quads - j / 4u); n++) {
        var s = tile_block(&tile, block_of_quad(n)) * params.scale;
        if (GATED || CAUSAL) {
          for (var i = 0u; i < 4u; i++) { s[i] = select(vec4f(LOWEST), s[i], seen(first + j + 4u * n + i, queries)); }
        }
        scores[(j / 4u + n) * LANES + lane] = s;
        higher = max(higher, max(max(s[0], s[1]), max(s[2], s[3])));
      }
    }
    let fade = exp(highest - higher);
    highest = higher;
    let faded = sum * fade;

    for (var d = 0u; d < params.head_dim; d += LANES) {
      // Of a key, a lane brings a vec4 for every LANES / 4 that the lanes bring together.
      let at = min(d + STEPS * (LANES / 4u) + lane / 4u, vec4u(params.head_dim - 1u));
      let left = params.head_dim - d;
      var tile = Tile();
      sum = faded;
      for (var quad = 0u; quad < quads; quad++) {
        let s = scores[quad * LANES + lane];
        let real = select(vec4f(), vec4f(1.0), 4u * quad + STEPS < vec4u(count));
        var p = mat4x4f(
          exp(s[0] - highest) * real[0], exp(s[1] - highest) * real[1], exp(s[2] - highest) * real[2], exp(s[3] - highest) * real[3]);
        if (GATED || CAUSAL) {
          for (var i = 0u; i < 4u; i++) { p[i] *= share(first + 4u * quad + i, queries); }
        }
        sum += (p[0] + p[1]) + (p[2] + p[3]);
        let v_row = v_start + min(4u * quad + lane % 4u, count - 1u) * params.v_stride;
        if (left > LANES / 2u) {
          add_transposed(&tile, mat4x4f(vec4f(v[v_row + at.x]), vec4f(v[v_row + at.y]), vec4f(v[v_row + at.z]), vec4f(v[v_row + at.w])), p);
        } else {
          add_half_transposed(&tile, mat4x4f(vec4f(v[v_row + at.x]), vec4f(v[v_row + at.y]), vec4f(), vec4f()), p);
        }
      }
      // Only the last block divides by the sum.
      let last = first + BLOCK >= end;
      let norm = select(vec4f(1.0), select(factor, 1.0, BESIDE) / sum, last);
      for (var n = 0u; n < min(LANES, left); n++) {
        let block = tile_block(&tile, block_of_quad(n));
        let values = transpose(mat4x4f(block[0] * norm, block[1] * norm, block[2] * norm, block[3] * norm));
        let keep = fade * norm;
        for (var i = 0u; i < 4u; i++) {
          if (queries[i] < params.queries) {
            let place = out_rows[i] + d + n;
            var value = values[i];
            if (first > 0u) { value += keep[i] * out[place]; }
            out[place] = value;
            if (BESIDE && last) { gated[place] = factor * value; }
          }
        }
      }
    }
  }

  let statistics = (b * params.heads + head) * params.queries;
  let result = highest + log(sum);
  for (var i = 0u; i < 4u; i++) {
    if (queries[i] < params.queries) { logsumexp[statistics + queries[i]] = result[i]; }
  }
}
