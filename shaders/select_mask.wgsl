// Bit i of keep = 1 where score i is above the range's threshold, or a tie past those that are pruned, in ranges where the bracket and its candidates do
// not say so already; the ties alone where the threshold is an end of the bracket. A workgroup takes a tile.
// scores: f32 bits; ends: as select_bracket leaves them
#import grid
#import score_key
#import selection
#import tile_bits
#import tied_bits
#import keep_bits

const GROUP = 64u;
const TURNS = 4u; // words an invocation

struct Params { tiles: u32, start: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> selections: array<Selection>;
@group(0) @binding(4) var<storage, read> ends: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> keep: array<atomic<u32>>;

// The ties of a word past those that are pruned.
fn kept_ties(ties: u32, place: u32, tile: Tile, selection: Selection) -> u32 {
  let block = tile.block + place / BLOCK_WORDS;
  if (block != selection.boundary) { return select(0u, ties, block > selection.boundary); }
  var left = selection.boundary_ties;
  for (var before = place - place % BLOCK_WORDS; before < place; before++) { left -= min(left, countOneBits(tied_bits(before, tile, selection))); }
  var kept = ties;
  for (; left > 0u && kept != 0u; left--) { kept &= kept - 1u; } // prunes the lowest
  return kept;
}

fn write(place: u32, tile: Tile, selection: Selection) {
  let word = tile.first / 32u + place;
  let inside = in_tile(word, tile);
  if (inside == 0u) { return; }
  let ties = tied_bits(place, tile, selection);
  let kept = kept_ties(ties, place, tile, selection);
  let at = params.start / 32u + word;
  switch selection.end {
    case LOW_END: { atomicOr(&keep[at], kept); } // the bracket left them 0
    case HIGH_END: { atomicAnd(&keep[at], ~ties | kept); } // the bracket left them 1
    default: { write_bits(word, bits_above(word, selection.key) | kept, inside); }
  }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let selection = selections[tile.range];
  if (selection.complete != 0u && selection.end == NO_END) { return; }
  for (var turn = 0u; turn < TURNS; turn++) { write(turn * GROUP + lane, tile, selection); }
}
