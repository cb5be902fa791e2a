// ties[b] += scores of block b that equal the threshold, where only some of them are to be pruned and select_tied does not tell them apart.
// A workgroup takes a tile.
// scores: f32 bits
#import grid
#import score_key
#import selection
#import tile_bits

const GROUP = 64u;
const TURNS = 4u; // words an invocation

struct Params { tiles: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read> selections: array<Selection>;
@group(0) @binding(5) var<storage, read_write> ties: array<atomic<u32>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let selection = selections[tile.range];
  if (!splits(ranges[tile.range], selection) || tells_apart(selection)) { return; }
  for (var turn = 0u; turn < TURNS; turn++) {
    let place = turn * GROUP + lane;
    let word = tile.first / 32u + place;
    let inside = in_tile(word, tile);
    if (inside != 0u) {
      let equal = countOneBits(inside & bits_equal(word, selection.key));
      if (equal > 0u) { atomicAdd(&ties[tile.block + place / BLOCK_WORDS], equal); }
    }
  }
}
