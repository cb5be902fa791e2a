// Gradients of attention as in attention_grad.wgsl, for drivers that run a subgroup as one vector of the CPU: by q, k and v at once, from five products
// instead of the seven of separate kernels. Everything counts vec4: head_dim elements in steps of four.
//
//                 COLUMNS keys         One workgroup is one subgroup of LANES (4 or 8) invocations and has one head of an image, whose keys it takes
//               ┌────┬────┬────┬─      by COLUMNS; lane l has keys 4 l to 4 l + 3. For those and a block of queries:
//  ROWS queries │ l0 │ l1 │ l2 │ ...   1. p and ds by tiles of ROWS queries, each from one product in registers;
//               ├────┼────┼────┼─      2. dk^T += q^T ds and dv^T += d_out^T p by tiles of ROWS elements: the lane's own columns;
//  ROWS queries │    │    │    │       3. dq += ds k by four queries: the lanes hand their ds around, each has a vec4 of elements.
//                                      A lane reads only what it wrote: workgroup memory without barriers, and sums in a fixed order.
#import lane_tile

const GATED = false;
const CAUSAL = false;
const BLOCK = 64u;

struct Params {
  heads: u32, head_dim: u32, queries: u32, keys: u32, scale: f32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
  d_q_offset: u32, d_q_stride: u32, d_k_offset: u32, d_k_stride: u32, d_v_offset: u32, d_v_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> d_out: array<vec4f>;
@group(0) @binding(5) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read> key_gate: array<f32>;

// [query / 4, lane]: column i is query i for the lane's four keys.
var<workgroup> slopes: array<mat4x4f, BLOCK / 4u * LANES>;
var<workgroup> probabilities: array<mat4x4f, BLOCK / 4u * LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.x;
  let image = group.y;
  let column = head * params.head_dim;
  let out_stride = params.heads * params.head_dim;
  let statistics = (image * params.heads + head) * params.queries;

  for (var first_key = 0u; first_key < params.keys; first_key += COLUMNS) {
    let wanted = first_key + 4u * lane + STEPS;
    let keys = min(wanted, vec4u(params.keys - 1u));
    let key_rows = image * params.keys + keys;
    let k_rows = params.k_offset + key_rows * params.k_stride + column;
    let v_rows = params.v_offset + key_rows * params.v_stride + column;
    let d_k_rows = params.d_k_offset + key_rows * params.d_k_stride + column;
    let d_v_rows = params.d_v_offset + key_rows * params.d_v_stride + column;
    let quads_of_keys = min(LANES, (params.keys - first_key + 3u) / 4u);

    // No query before a block's first key sees it.
    let start = select(0u, first_key / BLOCK * BLOCK, CAUSAL);
    for (var first = start; first < params.queries; first += BLOCK) {
      let count = min(BLOCK, params.queries - first);
      let quads = (count + 3u) / 4u;
      let query = image * params.queries + first;
      let q_start = params.q_offset + query * params.q_stride + column;
      let out_start = query * out_stride + column;

      for (var j = 0u; j < count; j += ROWS) {
        let rows = min(j + STEPS * LANES + lane, vec4u(count - 1u));
        let q_rows = q_start + rows * params.q_stride;
        let out_rows = out_start + rows * out_stride;
        let tile_quads = min(LANES, quads - j / 4u);
        var tile = Tile();
        for (var d = 0u; d < params.head_dim; d++) {
          add_product(&tile,
            mat4x4f(q[q_rows.x + d], q[q_rows.y + d], q[q_rows.z + d], q[q_rows.w + d]),
            transpose(mat4x4f(k[k_rows.x + d], k[k_rows.y + d], k[k_rows.z + d], k[k_rows.w + d])));
        }
        for (var n = 0u; n < tile_quads; n++) {
          var block = tile_block(&tile, block_of_quad(n));
          for (var i = 0u; i < 4u; i++) {
            let row = j + 4u * n + i;
            let p = exp(params.scale * block[i] - vec4f(logsumexp[statistics + first + min(row, count - 1u)]));
            block[i] = select(vec4f(), share(p, keys, first + row), (wanted < vec4u(params.keys)) & vec4<bool>(row < count));
          }
          probabilities[(j / 4u + n) * LANES + lane] = block;
        }
        tile = Tile();
        for (var d = 0u; d < params.head_dim; d++) {
          add_product(&tile,
            mat4x4f(d_out[out_rows.x + d], d_out[out_rows.y + d], d_out[out_rows.z + d], d_out[out_rows.w + d]),
            transpose(mat4x4f(v[v_rows.x + d], v[v_rows.y + d], v[v_rows.z + d], v[v_rows.w + d])));
        }
        for (var n = 0u; n < tile_quads; n++) {
          let p = probabilities[(j / 4u + n) * LANES + lane];
          var block = tile_block(&tile, block_of_quad(n));
          for (var i = 0u; i < 4u; i++) {
            let shared_slope = delta[statistics + first + min(j + 4u * n + i, count - 1u)];
            block[i] = params.scale * p[i] * (block[i] - vec4f(shared_slope));
          }
          slopes[(j / 4u + n) * LANES + lane] = block;
        }
      }

      for (var d = 0u; d < params.head_dim; d += LANES) {
        // Of a query, a lane brings a vec4 for every LANES / 4 that the lanes bring together.
        let at = min(d + STEPS * (LANES / 4u) + lane / 4u, vec4u(params.head_dim - 1u));
        var tile = Tile();
        for (var quad = 0u; quad < quads; quad++) {
          let row = q_start + min(4u * quad + lane % 4u, count - 1u) * params.q_stride;
          add_transposed(&tile, mat4x4f(q[row + at.x], q[row + at.y], q[row + at.z], q[row + at.w]), slopes[quad * LANES + lane]);
        }
        write(&tile, d_k_rows + d, wanted, params.head_dim - d, first > start);
        tile = Tile();
        for (var quad = 0u; quad < quads; quad++) {
          let row = out_start + min(4u * quad + lane % 4u, count - 1u) * out_stride;
          add_transposed(&tile, mat4x4f(d_out[row + at.x], d_out[row + at.y], d_out[row + at.z], d_out[row + at.w]), probabilities[quad * LANES + lane]);
        }
        write(&tile, d_v_rows + d, wanted, params.head_dim - d, first > start);

        // The lane's vec4 of every key, by the lanes that have the keys.
        let mine = min(d + lane, params.head_dim - 1u);
        for (var n = 0u; n < quads_of_keys; n++) {
          let key = min(first_key + 4u * n + STEPS, vec4u(params.keys - 1u));
          let k_at = params.k_offset + (image * params.keys + key) * params.k_stride + column + mine;
          set_block(&tile, n, mat4x4f(k[k_at.x], k[k_at.y], k[k_at.z], k[k_at.w]));
        }
        for (var quad = 0u; quad < quads; quad++) {
          let sums = product_over_lanes(slopes[quad * LANES + lane], &tile);
          for (var i = 0u; i < 4u; i++) {
            let row = 4u * quad + i;
            let place = params.d_q_offset + (query + min(row, count - 1u)) * params.d_q_stride + column + mine;
            let before = select(vec4f(), gradient[place], first_key > 0u);
            if (row < count && d + lane < params.head_dim) { gradient[place] = before + sums[i]; }
          }
        }
      }
    }
  }
}

// The shares of keys in a query with the keys' gates, and zero where the query does not see the key.
fn share(p: vec4f, keys: vec4u, query: u32) -> vec4f {
  if (!GATED && !CAUSAL) { return p; }
  var gate = vec4f(1.0);
  if (GATED) { gate = vec4f(key_gate[keys.x], key_gate[keys.y], key_gate[keys.z], key_gate[keys.w]); }
  // A closed key's share without its gate may overflow.
  return select(p * gate, vec4f(), (gate == vec4f()) | (vec4<bool>(CAUSAL) & (keys > vec4u(query))));
}

// A tile's first `count` vec4 to the gradients of the lane's keys, each from its place on.
fn write(tile: ptr<function, Tile>, places: vec4u, wanted: vec4u, count: u32, more: bool) {
  for (var n = 0u; n < min(LANES, count); n++) {
    let values = transpose(tile_block(tile, block_of_quad(n)));
    for (var i = 0u; i < 4u; i++) {
      let at = places[i] + n;
      // No branch around the load: it takes lavapipe's compiler seconds.
      let before = select(vec4f(), gradient[at], more);
      if (wanted[i] < params.keys) { gradient[at] = before + values[i]; }
    }
  }
}
