// The gradient of conv_weight_tile.wgsl for drivers that run a subgroup as one vector of the CPU.
//
//               4 * LANES (c, tap)     One workgroup is one subgroup of LANES (4 or 8) invocations. A turn of the inner loop takes four pixels of
//      4 pixels ┌──┬──┬──┬──┐          a line of dy: each lane gathers the 4 x 4 block of x for its four columns, and four pixels of one channel
//               └──┴──┴──┴──┘          of dy for every LANES channels; broadcasts hand these around. No workgroup memory and no barrier.
//      4 pixels lane 0, 1, ...         With QUAD = 4 the lines of dy are whole vec4 in memory.
//  4 LANES ┌───┐ ┌───────────┐
//  rows    │   │ │           │
//          └───┘ └───────────┘           With HALF a tile has 2 LANES rows.
#import lane_rows
#import grid
#import conv_weight_product
#import quad

@group(0) @binding(1) var<storage, read> dy: array<Quad>;

// Four pixels from `pixel` of a line of dy; zero past its end.
fn load_dy(line: u32, pixel: u32) -> vec4f {
  if (QUAD == 4u) { return whole(dy[(line + pixel) / 4u]); }
  let wanted = vec4u(pixel) + STEPS;
  let at = vec4u(line) + min(wanted, vec4u(params.width - 1u));
  return select(vec4f(), vec4f(dy[at.x][0], dy[at.y][0], dy[at.z][0], dy[at.w][0]), wanted < vec4u(params.width));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let work = work_of(linear_group(group, groups), TILE_ROWS, COLUMNS);
  if (work.row >= params.rows) { return; }
  let columns = columns_of(work.column + 4u * lane);
  let row = work.row + lane;

  var tile = Tile();
  let turns = (params.width + 3u) / 4u;
  for (var line = work.first_line; line < work.end_line; line++) {
    let lines = lines_of_x(work, columns, line);
    let dy0 = line_of_dy(work, row, line);
    let dy1 = line_of_dy(work, row + LANES, line);
    let dy2 = line_of_dy(work, row + 2u * LANES, line);
    let dy3 = line_of_dy(work, row + 3u * LANES, line);
    for (var turn = 0u; turn < turns; turn++) {
      let pixel = 4u * turn;
      // All loads come first: lavapipe branches for every lane of a load.
      var rows = mat4x4f();
      rows[0] = load_dy(dy0, pixel);
      rows[1] = load_dy(dy1, pixel);
      if (!HALF) {
        rows[2] = load_dy(dy2, pixel);
        rows[3] = load_dy(dy3, pixel);
      }
      let block = mat4x4f(
        load_x(columns, lines, pixel), load_x(columns, lines, pixel + 1u),
        load_x(columns, lines, pixel + 2u), load_x(columns, lines, pixel + 3u));
      add_rows(&tile, rows, block);
    }
  }

  for (var n = 0u; n < TILE_ROWS / 4u; n++) {
    let block = tile_block(&tile, block_of_quad(n));
    for (var i = 0u; i < 16u; i++) {
      write_result(work, work.row + 4u * n + i / 4u, work.column + 4u * lane + i % 4u, block[i / 4u][i % 4u]);
    }
  }
}
