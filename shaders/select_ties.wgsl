// ties[b] += scores of block b that equal the threshold, where only some of them are to be pruned and they are no candidates. A workgroup takes a tile.
// scores: f32 bits; ends: as select_bracket leaves them
#import grid
#import score_key
#import selection
#import tile_bits
#import tied_bits

const GROUP = 64u;
const TURNS = 4u; // words an invocation

struct Params { tiles: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read> selections: array<Selection>;
@group(0) @binding(5) var<storage, read> ends: array<vec2u>;
@group(0) @binding(6) var<storage, read_write> ties: array<atomic<u32>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let selection = selections[tile.range];
  if (!splits(ranges[tile.range], selection) || selection.bracketed != 0u) { return; }
  for (var turn = 0u; turn < TURNS; turn++) {
    let place = turn * GROUP + lane;
    if (in_tile(tile.first / 32u + place, tile) != 0u) {
      let equal = countOneBits(tied_bits(place, tile, selection));
      if (equal > 0u) { atomicAdd(&ties[tile.block + place / BLOCK_WORDS], equal); }
    }
  }
}
