// Which squares of BLOCK x BLOCK elements of a masked matrix are not all zero, and their bits: what matmul_lane.wgsl reads of a mask.
// bits: rows x columns, 1 = keep. A strip is a row of blocks or, with DOWN, a column of them; of each, `index` has
//
//   at strip * (blocks + 1)                                how many blocks are not empty, then their numbers in the strip, ascending
//   at strips * (blocks + 1) + (strip * blocks + i) * BLOCK   the bits of block i: a word a row, whose bit c is column c of the block
//
// One workgroup a strip.
#import grid
#import bits_from

const DOWN = false;
const BLOCK = 32u;
const GROUP = 32u;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

var<workgroup> found: array<u32, GROUP>;

// Row r of a block.
fn block_word(strip: u32, block: u32, r: u32) -> u32 {
  let row = BLOCK * select(strip, block, DOWN) + r;
  let column = BLOCK * select(block, strip, DOWN);
  if (row >= params.rows || column >= params.columns) { return 0u; }
  return bits_from(row * params.columns + column, min(BLOCK, params.columns - column));
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let strip = linear_group(group, groups);
  let down = (params.rows + BLOCK - 1u) / BLOCK;
  let across = (params.columns + BLOCK - 1u) / BLOCK;
  let strips = select(down, across, DOWN);
  let blocks = select(across, down, DOWN);
  if (strip >= strips) { return; }
  let numbers = strip * (blocks + 1u) + 1u;
  let words = strips * (blocks + 1u) + strip * blocks * BLOCK;

  var count = 0u;
  for (var first = 0u; first < blocks; first += GROUP) {
    let block = first + lane;
    var kept = 0u;
    if (block < blocks) {
      for (var r = 0u; r < BLOCK; r++) {
        let word = block_word(strip, block, r);
        index[words + block * BLOCK + r] = word;
        kept |= word;
      }
    }
    found[lane] = select(0u, 1u, kept != 0u);
    workgroupBarrier();
    var place = count;
    for (var i = 0u; i < GROUP; i++) {
      count += found[i];
      place += select(0u, found[i], i < lane);
    }
    if (kept != 0u) { index[numbers + place] = block; }
    workgroupBarrier();
  }
  if (lane == 0u) { index[numbers - 1u] = count; }
}
