// Sets the keep bits of candidates above the threshold, and of ties past those that are pruned, which the bracket left 0, in ranges where nothing else is left to write
// candidates: f32 bits, and from `indices` on the scores' places in the arena. A workgroup takes a tile of candidates.
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
@group(0) @binding(5) var<storage, read_write> keep: array<atomic<u32>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let selection = selections[tile.range];
  if (selection.complete == 0u) { return; }
  let end = min(tile.end, ranges[tile.range].candidates + selection.candidates);
  for (var c = tile.first + lane; c < end; c += GROUP) {
    let key = score_keys(vec4u(candidates[c])).x;
    let i = candidates[params.indices + c];
    if (key > selection.key || (key == selection.key && i > selection.last)) {
      atomicOr(&keep[i >> 5u], 1u << (i & 31u));
    }
  }
}
