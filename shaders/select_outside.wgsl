// Counts the scores below and at the ends of the bracket, in ranges whose threshold does not lie between them. A workgroup takes a tile.
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
@group(0) @binding(5) var<storage, read_write> brackets: array<array<atomic<u32>, 5>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let range = ranges[tile.range];
  if (range.prune == 0u || lies_between(range, atomicLoad(&brackets[tile.range][0]), atomicLoad(&brackets[tile.range][1]))) { return; }
  let selection = selections[tile.range];
  var below = 0u;
  var at_low = 0u;
  var at_high = 0u;
  for (var turn = 0u; turn < TURNS; turn++) {
    let word = tile.first / 32u + turn * GROUP + lane;
    let inside = in_tile(word, tile);
    if (inside != 0u) {
      let equal_low = bits_equal(word, selection.low);
      below += countOneBits(inside & ~equal_low & ~bits_above(word, selection.low));
      at_low += countOneBits(inside & equal_low);
      at_high += countOneBits(inside & bits_equal(word, selection.high));
    }
  }
  atomicAdd(&brackets[tile.range][2], below);
  atomicAdd(&brackets[tile.range][3], at_low);
  atomicAdd(&brackets[tile.range][4], at_high);
}
