// The convolution of conv_tile.wgsl for drivers that run a subgroup as one vector of the CPU.
//
//                4 * LANES pixels       One workgroup is one subgroup of LANES (4 or 8) invocations. A turn of the loop takes four k: each lane
//            4 k ┌──┬──┬──┬──┐          gathers the 4 x 4 block of the source at its four pixels, and four weights of one channel for every
//                └──┴──┴──┴──┘          LANES channels; broadcasts hand the weights around. No workgroup memory and no barrier.
//           4 k  lane 0, 1, ...         With QUAD = 4 the weights of a row are whole vec4 in memory.
//  4 LANES ┌───┐ ┌───────────┐
//  rows    │   │ │           │
//          └───┘ └───────────┘           With HALF a tile has 2 LANES rows.
#import lane_rows
#import grid
#import conv_product
#import quad

@group(0) @binding(1) var<storage, read> weight: array<Quad>;

const NIBBLE = vec4u(1u, 2u, 4u, 8u);

// Four k of a row; zero past the last row and k.
fn load_weights(work: Work, row: u32, k: u32) -> vec4f {
  if (QUAD == 4u) {
    let at = weight_place(work, min(row, params.rows - 1u), k);
    var found = vec4f(1.0);
    if (WEIGHT_AS != ONE) { found = whole(weight[at / 4u]); }
    if (WEIGHT_AS == SQUARE) { found *= found; }
    if (!MASK) { return found; }
    return select(vec4f(), found, (vec4u(mask[at / 32u] >> (at % 32u)) & NIBBLE) != vec4u());
  }
  let nearest = min(row, params.rows - 1u);
  let last = work.count - 1u;
  let place = vec4u(
    weight_place(work, nearest, min(k, last)), weight_place(work, nearest, min(k + 1u, last)),
    weight_place(work, nearest, min(k + 2u, last)), weight_place(work, nearest, min(k + 3u, last)));
  var exist = (vec4u(k) + STEPS < vec4u(work.count)) & (place != vec4u(0xffffffffu));
  let at = select(vec4u(), place, exist);
  var found = vec4f(1.0);
  if (WEIGHT_AS != ONE) { found = vec4f(weight[at.x][0], weight[at.y][0], weight[at.z][0], weight[at.w][0]); }
  if (WEIGHT_AS == SQUARE) { found *= found; }
  if (MASK) {
    let words = vec4u(mask[at.x / 32u], mask[at.y / 32u], mask[at.z / 32u], mask[at.w / 32u]);
    exist &= ((words >> (at % 32u)) & vec4u(1u)) != vec4u();
  }
  return select(vec4f(), found, exist);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let work = work_of(linear_group(group, groups), TILE_ROWS, COLUMNS);
  if (work.row >= params.rows) { return; }
  let columns = columns_of(work, work.column + 4u * lane);

  var tile = Tile();
  let turns = (work.count + 3u) / 4u;
  for (var turn = 0u; turn < turns; turn++) {
    let k = 4u * turn;
    // All loads come first: lavapipe branches for every lane of a load.
    var rows = mat4x4f();
    rows[0] = load_weights(work, work.row + lane, k);
    rows[1] = load_weights(work, work.row + LANES + lane, k);
    if (!HALF) {
      rows[2] = load_weights(work, work.row + 2u * LANES + lane, k);
      rows[3] = load_weights(work, work.row + 3u * LANES + lane, k);
    }
    let block = mat4x4f(load_source(columns, k), load_source(columns, k + 1u), load_source(columns, k + 2u), load_source(columns, k + 3u));
    add_rows(&tile, rows, block);
  }

  for (var n = 0u; n < TILE_ROWS / 4u; n++) {
    let block = tile_block(&tile, block_of_quad(n));
    for (var i = 0u; i < 16u; i++) { write_result(work, columns, work.row + 4u * n + i / 4u, i % 4u, block[i / 4u][i % 4u]); }
  }
}
