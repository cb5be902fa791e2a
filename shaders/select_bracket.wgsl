// Compares the scores of a tile with the range's bracket of two keys: writes keep bits, 1 from the high key on, collects the scores strictly
// between the keys as candidates, and marks those at the ends, for the case that many are tied there. A low end that was never chosen is 0, below all keys.
// scores: f32 bits; ends: the bits of scores at the low and at the high key, for each word of each tile; candidates: f32 bits, and from `indices` on the
// scores' places in the arena, in any order, none written past the capacity. A workgroup takes a tile.
#import grid
#import score_key
#import selection
#import tile_bits
#import keep_bits

const GROUP = 64u;
const TURNS = 4u; // words an invocation
const ALONE = false; // invocations find places without each other: where barriers cost more than atomics

struct Params { tiles: u32, start: u32, indices: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read> selections: array<Selection>;
@group(0) @binding(5) var<storage, read_write> keep: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> brackets: array<array<atomic<u32>, 4>>;
@group(0) @binding(7) var<storage, read_write> candidates: array<u32>;
@group(0) @binding(8) var<storage, read_write> ends: array<vec2u>;

var<workgroup> found: atomic<u32>;
var<workgroup> place: u32;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  let tile = tiles[min(index, params.tiles - 1u)];
  let first = tile.first / 32u;
  // No returns, branches or running counts around the loads, which took lavapipe from 64 to 45 ms of CPU time for 22 M scores.
  let turns = select((tile.end + 31u) / 32u - first + GROUP - 1u, 0u, index >= params.tiles) / GROUP;
  let range = ranges[tile.range];
  let low = vec4u(selections[tile.range].low);
  let high = vec4u(selections[tile.range].high);
  let end_words = tile.block * BLOCK_WORDS;
  for (var turn = 0u; turn < turns; turn++) {
    let word = first + turn * GROUP + lane;
    var kept = 0u;
    var above_low = 0u;
    var at_low = 0u;
    var at_high = 0u;
    for (var part = 0u; part < 8u; part++) {
      let keys = score_keys(scores[word * 8u + part]);
      kept |= bits_of(keys >= high, part);
      above_low |= bits_of(keys > low, part);
      at_low |= bits_of(keys == low, part);
      at_high |= bits_of(keys == high, part);
    }
    let inside = in_tile(word, tile);
    write_bits(word, kept, inside);
    if (inside != 0u) { ends[end_words + turn * GROUP + lane] = vec2u(at_low, at_high) & vec2u(inside); }
    var between = above_low & ~kept & inside;

    let count = countOneBits(between);
    var at = 0u;
    if (ALONE) {
      if (count > 0u) { at = atomicAdd(&brackets[tile.range][0], count); }
    } else {
      if (count > 0u) { at = atomicAdd(&found, count); }
      workgroupBarrier();
      if (lane == 0u) { place = atomicAdd(&brackets[tile.range][0], atomicExchange(&found, 0u)); }
      workgroupBarrier();
      at += place;
    }
    for (; between != 0u; between &= between - 1u) {
      let i = word * 32u + countTrailingZeros(between);
      if (at < range.capacity) {
        candidates[range.candidates + at] = scores[i / 4u][i % 4u];
        candidates[params.indices + range.candidates + at] = params.start + i;
      }
      at++;
    }
  }

  var above = 0u;
  var tied = vec2u(0u);
  for (var turn = 0u; turn < turns; turn++) {
    let word = first + turn * GROUP + lane;
    let inside = in_tile(word, tile);
    if (inside != 0u) {
      above += countOneBits(atomicLoad(&keep[params.start / 32u + word]) & inside);
      tied += countOneBits(ends[end_words + turn * GROUP + lane]);
    }
  }
  if (above > 0u) { atomicAdd(&brackets[tile.range][1], above); }
  if (tied.x > 0u) { atomicAdd(&brackets[tile.range][2], tied.x); }
  if (tied.y > 0u) { atomicAdd(&brackets[tile.range][3], tied.y); }
}
