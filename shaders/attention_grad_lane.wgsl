// Gradients of attention as in attention_grad.wgsl, for drivers that run a subgroup as one vector of the CPU. Everything counts vec4: head_dim elements in
// steps of four.
//
//               COLUMNS own rows     One workgroup is one subgroup of LANES (4 or 8) invocations; lane l has own rows 4 l to 4 l + 3.
//             ┌────┬────┬────┬─      For a block of the other rows:
//  ROWS other │ l0 │ l1 │ l2 │ ...   1. p and ds by tiles of ROWS other rows, each from one product in registers;
//             ├────┼────┼────┼─      2. gradient += ds^T other_first (and p^T other_second) by tiles of COLUMNS elements.
//  ROWS other │    │    │    │       A lane reads only what it wrote: workgroup memory without barriers.
#import lane_tile

const OF_KEYS = false;
const BLOCK = 64u;

struct Params {
  heads: u32, head_dim: u32, own_rows: u32, other_rows: u32, scale: f32,
  own_first_offset: u32, own_first_stride: u32, own_second_offset: u32, own_second_stride: u32,
  other_first_offset: u32, other_first_stride: u32, other_second_offset: u32, other_second_stride: u32,
  first_gradient_offset: u32, second_gradient_offset: u32, gradient_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> own_first: array<vec4f>;
@group(0) @binding(2) var<storage, read> own_second: array<vec4f>;
@group(0) @binding(3) var<storage, read> other_first: array<vec4f>;
@group(0) @binding(4) var<storage, read> other_second: array<vec4f>;
@group(0) @binding(5) var<storage, read> logsumexp: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient: array<vec4f>;

// [lane, other row], for the lane's four own rows.
var<workgroup> slopes: array<vec4f, LANES * BLOCK>;
var<workgroup> probabilities: array<vec4f, LANES * BLOCK>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let head = group.y;
  let image = group.z;
  let column = head * params.head_dim;
  let own = min(group.x * COLUMNS + 4u * lane + STEPS, vec4u(params.own_rows - 1u));
  // Where the rows of the first (a) and second (b) operands lie.
  let own_a = params.own_first_offset + (image * params.own_rows + own) * params.own_first_stride + column;
  let own_b = params.own_second_offset + (image * params.own_rows + own) * params.own_second_stride + column;
  let statistics = (image * params.heads + head) * select(params.own_rows, params.other_rows, OF_KEYS);

  // Of this lane's own queries; of each other row in turn with OF_KEYS.
  let known = statistics + select(own, vec4u(), vec4<bool>(OF_KEYS));
  var logsums = vec4f(logsumexp[known.x], logsumexp[known.y], logsumexp[known.z], logsumexp[known.w]);
  var deltas = vec4f(delta[known.x], delta[known.y], delta[known.z], delta[known.w]);

  for (var first = 0u; first < params.other_rows; first += BLOCK) {
    let count = min(BLOCK, params.other_rows - first);
    let quads = (count + 3u) / 4u;
    let first_start = params.other_first_offset + (image * params.other_rows + first) * params.other_first_stride + column;
    let second_start = params.other_second_offset + (image * params.other_rows + first) * params.other_second_stride + column;

    for (var j = 0u; j < count; j += ROWS) {
      let other = min(j + STEPS * LANES + lane, vec4u(count - 1u));
      let other_a = first_start + other * params.other_first_stride;
      let other_b = second_start + other * params.other_second_stride;
      var tile = Tile();
      for (var d = 0u; d < params.head_dim; d++) {
        add_product(&tile,
          mat4x4f(other_first[other_a.x + d], other_first[other_a.y + d], other_first[other_a.z + d], other_first[other_a.w + d]),
          transpose(mat4x4f(own_first[own_a.x + d], own_first[own_a.y + d], own_first[own_a.z + d], own_first[own_a.w + d])));
      }
      for (var n = 0u; n < min(LANES, quads - j / 4u); n++) {
        let block = tile_block(&tile, block_of_quad(n));
        for (var i = 0u; i < 4u; i++) {
          let row = j + 4u * n + i;
          if (OF_KEYS) { logsums = vec4f(logsumexp[statistics + first + min(row, count - 1u)]); }
          probabilities[lane * BLOCK + row] = select(vec4f(), exp(params.scale * block[i] - logsums), vec4<bool>(row < count));
        }
      }
      tile = Tile();
      for (var d = 0u; d < params.head_dim; d++) {
        add_product(&tile,
          mat4x4f(other_second[other_b.x + d], other_second[other_b.y + d], other_second[other_b.z + d], other_second[other_b.w + d]),
          transpose(mat4x4f(own_second[own_b.x + d], own_second[own_b.y + d], own_second[own_b.z + d], own_second[own_b.w + d])));
      }
      for (var n = 0u; n < min(LANES, quads - j / 4u); n++) {
        let block = tile_block(&tile, block_of_quad(n));
        for (var i = 0u; i < 4u; i++) {
          let row = j + 4u * n + i;
          if (OF_KEYS) { deltas = vec4f(delta[statistics + first + min(row, count - 1u)]); }
          slopes[lane * BLOCK + row] = params.scale * probabilities[lane * BLOCK + row] * (block[i] - deltas);
        }
      }
    }

    for (var d = 0u; d < params.head_dim; d += LANES) {
      let mine = min(d + lane, params.head_dim - 1u);
      var tile = Tile();
      for (var quad = 0u; quad < quads; quad++) {
        let at = lane * BLOCK + 4u * quad;
        let rows = first_start + min(4u * quad + STEPS, vec4u(count - 1u)) * params.other_first_stride + mine;
        add_product(&tile, transpose(mat4x4f(slopes[at], slopes[at + 1u], slopes[at + 2u], slopes[at + 3u])),
          mat4x4f(other_first[rows.x], other_first[rows.y], other_first[rows.z], other_first[rows.w]));
      }
      write(&tile, params.first_gradient_offset, image, group.x * COLUMNS, column + d + lane, column + params.head_dim, first > 0u);
      if (OF_KEYS) {
        tile = Tile();
        for (var quad = 0u; quad < quads; quad++) {
          let at = lane * BLOCK + 4u * quad;
          let rows = second_start + min(4u * quad + STEPS, vec4u(count - 1u)) * params.other_second_stride + mine;
          add_product(&tile, transpose(mat4x4f(probabilities[at], probabilities[at + 1u], probabilities[at + 2u], probabilities[at + 3u])),
            mat4x4f(other_second[rows.x], other_second[rows.y], other_second[rows.z], other_second[rows.w]));
        }
        write(&tile, params.second_gradient_offset, image, group.x * COLUMNS, column + d + lane, column + params.head_dim, first > 0u);
      }
    }
  }
}

// Lane n / 4 * 4 + i brought row i of block n, as the n % 4-th of its own rows.
fn write(tile: ptr<function, Tile>, offset: u32, image: u32, first_row: u32, column: u32, end: u32, more: bool) {
  let left = params.own_rows - first_row;
  for (var n = 0u; n < min(LANES, left); n++) {
    let block = tile_block(tile, n);
    for (var i = 0u; i < min(4u, (left + 3u) / 4u); i++) {
      let row = first_row + 4u * (n / 4u * 4u + i) + n % 4u;
      let at = offset + (image * params.own_rows + row) * params.gradient_stride + column;
      // No branch around the load: it takes lavapipe's compiler seconds.
      let before = select(vec4f(), gradient[at], more);
      if (row < params.own_rows && column < end) { gradient[at] = before + block_row(block, i); }
    }
  }
}
