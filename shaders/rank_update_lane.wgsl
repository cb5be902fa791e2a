// The update of rank_update_tile.wgsl for drivers that run a subgroup as one vector of the CPU. rows, columns, a_pitch and first_column are
// multiples of four; buffers count vec4.
//
//            COLUMNS of out       One workgroup is one subgroup of LANES (4 or 8) invocations. Lane l has columns 4 l to 4 l + 3 of the tile.
//           ┌────┬────┬────┬─     For each four k it loads its columns of b, and of every LANES columns of a those of quad l / 4 at k + l % 4:
//  ROWS     │ l0 │ l1 │ l2 │ ...  broadcasts hand these around.
//  of out   ├────┼────┼────┼─
#import lane_tile
#import grid
#import update_tile

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

// Four columns of a from `row` on, for this lane's k; columns past the end repeat, k past the end is zero.
fn load_a(k: u32, row: u32, lane: u32) -> vec4f {
  let depth = k + lane % 4u;
  let quad = min(row / 4u + lane / 4u, params.rows / 4u - 1u);
  let found = a[min(depth, params.depth - 1u) * (params.a_pitch / 4u) + quad];
  return select(vec4f(), found, depth < params.depth);
}

fn load_b(k: u32, quad: u32) -> vec4f {
  return b[min(k, params.depth - 1u) * (params.columns / 4u) + quad];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let place = place_of(linear_group(group, groups), ROWS);
  if (left_out(place)) { return; }
  let pitch = params.columns / 4u;
  let mine = place.column / 4u + lane;
  let quad = min(mine, pitch - 1u);

  var tile = Tile();
  let turns = (params.depth + 3u) / 4u;
  for (var turn = 0u; turn < turns; turn++) {
    let k = 4u * turn;
    // All loads come first: lavapipe branches for every lane of a load.
    let a0 = load_a(k, place.row, lane);
    let a1 = load_a(k, place.row + LANES, lane);
    let a2 = load_a(k, place.row + 2u * LANES, lane);
    let a3 = load_a(k, place.row + 3u * LANES, lane);
    let block = mat4x4f(load_b(k, quad), load_b(k + 1u, quad), load_b(k + 2u, quad), load_b(k + 3u, quad));
    tile.low0 = add_block(tile.low0, block, transpose(low(a0)));
    tile.low1 = add_block(tile.low1, block, transpose(low(a1)));
    tile.low2 = add_block(tile.low2, block, transpose(low(a2)));
    tile.low3 = add_block(tile.low3, block, transpose(low(a3)));
    if (LANES == 8u) {
      tile.high0 = add_block(tile.high0, block, transpose(high(a0)));
      tile.high1 = add_block(tile.high1, block, transpose(high(a1)));
      tile.high2 = add_block(tile.high2, block, transpose(high(a2)));
      tile.high3 = add_block(tile.high3, block, transpose(high(a3)));
    }
  }

  if (mine >= pitch) { return; }
  for (var n = 0u; n < ROWS / 4u; n++) {
    let row = place.row + 4u * n;
    if (row < params.rows) {
      let block = tile_block(&tile, block_of_quad(n)) * params.scale;
      let at = row * pitch + mine;
      let sums = mat4x4f(out[at] + block[0], out[at + pitch] + block[1], out[at + 2u * pitch] + block[2], out[at + 3u * pitch] + block[3]);
      for (var i = 0u; i < 4u; i++) { out[at + i * pitch] = sums[i]; }
      if (MIRROR && place.row > place.column) {
        let mirrored = transpose(sums);
        for (var i = 0u; i < 4u; i++) { out[((4u * mine + i) * params.columns + row) / 4u] = mirrored[i]; }
      }
    }
  }
}
