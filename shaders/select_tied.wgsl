// Collects the candidates that equal the threshold where only some of them are to be pruned: tied[range] += how many, places = theirs in the arena
// candidates: f32 bits, and from `indices` on the scores' places; places: as candidates. A workgroup takes a tile of candidates.
#import grid
#import score_key
#import selection

const GROUP = 64u;

struct Params { tiles: u32, indices: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> candidates: array<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read> selections: array<Selection>;
@group(0) @binding(5) var<storage, read_write> tied: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> places: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let range = ranges[tile.range];
  let selection = selections[tile.range];
  if (!splits(range, selection) || selection.bracketed == 0u) { return; }
  let end = min(tile.end, range.candidates + selection.candidates);
  for (var c = tile.first + lane; c < end; c += GROUP) {
    if (score_keys(vec4u(candidates[c])).x == selection.key) {
      places[range.candidates + atomicAdd(&tied[tile.range], 1u)] = candidates[params.indices + c];
    }
  }
}
