// counts[d * tiles + t] = keys of tile t with digit d
// keys: `count` from `first`
#import grid
#import sort_tile

struct Params { first: u32, count: u32, shift: u32, tiles: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = linear_group(group, groups);
  let start = (tile * GROUP + lane) * EACH;
  count_digits(start, lane);
  workgroupBarrier();
  if (tile >= params.tiles) { return; }
  for (var digit = lane; digit < DIGITS; digit += GROUP) {
    var total = 0u;
    for (var l = 0u; l < GROUP; l++) { total += bins[digit * GROUP + l]; }
    counts[digit * params.tiles + tile] = total;
  }
}
