// sample[s] = one score of each stretch of `stride` scores of a tile, at a scattered place in it
// scores: f32 bits. A workgroup takes a tile.
#import grid
#import selection

const GROUP = 64u;

struct Params { tiles: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<u32>;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read_write> sample: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.tiles) { return; }
  let tile = tiles[index];
  let stride = ranges[tile.range].stride;
  if (stride == 0u) { return; }
  let count = (tile.end - tile.first) / stride;
  for (var s = lane; s < count; s += GROUP) {
    // Fibonacci hashing: rows and columns of a tensor must not be hit in step.
    let place = (((tile.sample + s) * 2654435769u) >> 8u) % stride;
    sample[tile.sample + s] = scores[tile.first + s * stride + place];
  }
}
