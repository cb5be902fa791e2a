// out[z][c][r] = x[z][r][c]. x: batches x rows x columns, out: batches x columns x rows.
// An invocation turns blocks of 4 x 4: RUN of them, GROUP blocks from each other down the rows, and beside each WIDE - 1 others, as a line of the CPU's
// cache has some. Both what it reads and what it writes lie together in fours, and neighbours together write whole rows of out.
#import grid
#import quad
#import across

const GROUP = 64u;
const RUN = 1u;
const WIDE = 1u; // blocks of a row

struct Params { rows: u32, columns: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Quad>;
@group(0) @binding(2) var<storage, read_write> out: array<Stored>;

fn quad_of_x(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(x[element / QUAD]); }
  return vec4f(whole(x[element]).x, whole(x[element + 1u]).x, whole(x[element + 2u]).x, whole(x[element + 3u]).x);
}

// Where rows and columns are whole vec4, so are all blocks.
fn turn_whole(start: u32, row: u32, column: u32) {
  let source = (start + row * params.columns + column) / QUAD;
  let step = params.columns / QUAD;
  let turned = transpose(mat4x4f(
    whole(x[source]), whole(x[source + step]), whole(x[source + 2u * step]), whole(x[source + 3u * step])));
  let target_row = (start + column * params.rows + row) / WIDTH;
  let down = params.rows / WIDTH;
  if (row < params.rows) {
    out[target_row] = Stored(value_of(turned[0], 0u));
    out[target_row + down] = Stored(value_of(turned[1], 0u));
    out[target_row + 2u * down] = Stored(value_of(turned[2], 0u));
    out[target_row + 3u * down] = Stored(value_of(turned[3], 0u));
  }
}

fn turn_block(start: u32, row: u32, column: u32) {
  if (QUAD * WIDTH == 16u) {
    turn_whole(start, row, column);
    return;
  }
  let at = start + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(params.rows - 1u)) * params.columns + column;
  let turned = transpose(mat4x4f(quad_of_x(at.x), quad_of_x(at.y), quad_of_x(at.z), quad_of_x(at.w)));
  for (var c = 0u; c < 4u; c++) {
    for (var r = 0u; r < 4u; r += WIDTH) {
      if (column + c < params.columns && row + r < params.rows) {
        out[(start + (column + c) * params.rows + row + r) / WIDTH] = Stored(value_of(turned[c], r));
      }
    }
  }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = (params.columns + 4u * WIDE - 1u) / (4u * WIDE);
  let down = (params.rows + 4u * GROUP * RUN - 1u) / (4u * GROUP * RUN);
  let index = linear_group(group, groups);
  let z = index / (across * down);
  if (z >= params.batches) { return; }
  var row = 4u * (index / across % down * GROUP * RUN + local);
  let end = min(params.rows, row + 4u * GROUP * RUN);
  let first = index % across * 4u * WIDE;
  let last = min(params.columns, first + 4u * WIDE);
  loop {
    var column = first;
    loop {
      turn_block(z * params.rows * params.columns, row, column);
      continuing {
        column += 4u;
        break if column >= last;
      }
    }
    continuing {
      row += 4u * GROUP;
      break if row >= end;
    }
  }
}
