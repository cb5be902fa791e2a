// Bit i of keep = 1 where score i is above the range's threshold, or a tie past those that are pruned, in ranges where the bracket and its candidates do
// not say so already. A workgroup takes a tile.
// scores: f32 bits
#import grid
#import score_key
#import selection
#import tile_bits
#import keep_bits

const GROUP = 64u;
const TURNS = 4u; // words an invocation

struct Params { tiles: u32, start: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> selections: array<Selection>;
@group(0) @binding(4) var<storage, read_write> keep: array<atomic<u32>>;

fn write(place: u32, tile: Tile, selection: Selection) {
  let word = tile.first / 32u + place;
  let inside = in_tile(word, tile);
  if (inside == 0u) { return; }
  let block = tile.block + place / BLOCK_WORDS;
  let key = selection.key;
  var bits: u32;
  if (block != selection.boundary) {
    bits = bits_above(word, select(key, key - 1u, block > selection.boundary));
  } else {
    var left = selection.boundary_ties;
    for (var before = word - place % BLOCK_WORDS; before < word; before++) {
      left -= min(left, countOneBits(bits_equal(before, key) & in_tile(before, tile)));
    }
    bits = bits_above(word, key);
    var ties = bits_above(word, key - 1u) & ~bits & inside;
    for (; left > 0u && ties != 0u; left--) { ties &= ties - 1u; } // prunes the lowest
    bits |= ties;
  }
  write_bits(word, bits, inside);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let selection = selections[tile.range];
  if (selection.complete != 0u) { return; }
  for (var turn = 0u; turn < TURNS; turn++) { write(turn * GROUP + lane, tile, selection); }
}
