// Attention as in attention.wgsl, for drivers that run a subgroup as one vector of the CPU. Everything counts vec4: head_dim elements in steps of four.
//
//               COLUMNS queries      One workgroup is one subgroup of LANES (4 or 8) invocations; lane l has queries 4 l to 4 l + 3.
//             ┌────┬────┬────┬─      For a block of keys:
//  ROWS keys  │ l0 │ l1 │ l2 │ ...   1. scores k q^T by tiles of ROWS keys in registers, kept as 4 x 4 blocks of keys x queries;
//             ├────┼────┼────┼─      2. out = fade * out + p^T v by tiles of COLUMNS elements of v, p relative to the query's running maximum.
//  ROWS keys  │    │    │    │       A lane reads only the blocks that it wrote: workgroup memory without barriers.
#import lane_tile

alias Stored = vec4f; // operands in memory: vec4h
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

// [keys / 4, lane]: column i is key i for this lane's four queries.
var<workgroup> scores: array<mat4x4f, BLOCK / 4u * LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let b = group.z;
  let column = head * params.head_dim;
  let first_query = group.x * COLUMNS;
  let left = params.queries - first_query;
  let queries = first_query + 4u * lane + STEPS;
  let q_rows = params.q_offset + (b * params.queries + min(queries, vec4u(params.queries - 1u))) * params.q_stride + column;
  var highest = vec4f(LOWEST);
  var sum = vec4f();

  for (var first = 0u; first < params.keys; first += BLOCK) {
    let count = min(BLOCK, params.keys - first);
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
        let s = tile_block(&tile, block_of_quad(n)) * params.scale;
        scores[(j / 4u + n) * LANES + lane] = s;
        higher = max(higher, max(max(s[0], s[1]), max(s[2], s[3])));
      }
    }
    let fade = exp(highest - higher);
    highest = higher;
    let faded = sum * fade;

    for (var d = 0u; d < params.head_dim; d += LANES) {
      let mine = min(d + lane, params.head_dim - 1u);
      var tile = Tile();
      sum = faded;
      for (var quad = 0u; quad < quads; quad++) {
        let s = scores[quad * LANES + lane];
        let real = select(vec4f(), vec4f(1.0), 4u * quad + STEPS < vec4u(count));
        let p = mat4x4f(
          exp(s[0] - highest) * real[0], exp(s[1] - highest) * real[1], exp(s[2] - highest) * real[2], exp(s[3] - highest) * real[3]);
        sum += (p[0] + p[1]) + (p[2] + p[3]);
        let v_rows = v_start + min(4u * quad + STEPS, vec4u(count - 1u)) * params.v_stride + mine;
        add_product(&tile, transpose(p), mat4x4f(vec4f(v[v_rows.x]), vec4f(v[v_rows.y]), vec4f(v[v_rows.z]), vec4f(v[v_rows.w])));
      }

      // Only the last block divides by the sum. Lane n / 4 * 4 + i brought row i of block n, as the n % 4-th of its four queries.
      let norm = select(vec4f(1.0), 1.0 / sum, first + BLOCK >= params.keys);
      for (var n = 0u; n < min(LANES, left); n++) {
        let block = tile_block(&tile, n);
        for (var i = 0u; i < min(4u, (left + 3u) / 4u); i++) {
          let source = n / 4u * 4u + i;
          let query = first_query + 4u * source + n % 4u;
          let at = ((b * params.queries + query) * params.heads + head) * params.head_dim + mine;
          var value = block_row(block, i);
          if (first > 0u) { value += subgroupShuffle(fade, source)[n % 4u] * out[at]; }
          value *= subgroupShuffle(norm, source)[n % 4u];
          if (query < params.queries && d + lane < params.head_dim) { out[at] = value; }
        }
      }
    }
  }

  let statistics = (b * params.heads + head) * params.queries;
  let result = highest + log(sum);
  for (var g = 0u; g < 4u; g++) {
    if (queries[g] < params.queries) { logsumexp[statistics + queries[g]] = result[g]; }
  }
}
