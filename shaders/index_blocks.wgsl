// Which squares of BLOCK x BLOCK elements of a masked matrix are not all zero, and their bits: what matmul_lane.wgsl reads of a mask.
// bits: rows x columns, 1 = keep. A strip is a row of blocks or, with DOWN, a column of them; of each, `index` has
//
//   at strip * (blocks + 1)                                how many blocks are not empty, then their numbers in the strip, ascending
//   at strips * (blocks + 1) + (strip * blocks + i) * BLOCK   the bits of block i: a word a row, whose bit c is column c of the block
//
// One workgroup a strip, which is one subgroup of LANES (4 or 8) invocations.
enable subgroups;
diagnostic(off, subgroup_uniformity);
#import grid
#import bits_from

const DOWN = false;
const LANES = 8u;
const BLOCK = 4u * LANES;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

// BLOCK bits of a row; those outside of the matrix are zero.
fn block_word(row: u32, column: u32) -> u32 {
  if (row >= params.rows) { return 0u; }
  return bits_from(row * params.columns + column, min(BLOCK, params.columns - column));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let strip = linear_group(group, groups);
  let down = (params.rows + BLOCK - 1u) / BLOCK;
  let across = (params.columns + BLOCK - 1u) / BLOCK;
  let strips = select(down, across, DOWN);
  let blocks = select(across, down, DOWN);
  if (strip >= strips) { return; }
  let numbers = strip * (blocks + 1u) + 1u;
  let words = strips * (blocks + 1u) + strip * blocks * BLOCK;

  var count = 0u;
  for (var block = 0u; block < blocks; block++) {
    let row = BLOCK * select(strip, block, DOWN);
    let column = BLOCK * select(block, strip, DOWN);
    var found = 0u;
    for (var r = lane; r < BLOCK; r += LANES) {
      let word = block_word(row + r, column);
      index[words + block * BLOCK + r] = word;
      found |= word;
    }
    if (subgroupOr(found) != 0u) {
      if (lane == 0u) { index[numbers + count] = block; }
      count++;
    }
  }
  if (lane == 0u) { index[numbers - 1u] = count; }
}
