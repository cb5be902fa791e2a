// Puts every key of tile t with digit d, and its index, at offsets[d * tiles + t] and the places after it, in their order
// keys: `count` from `first`; indices: of the keys, on the first pass their places; sorted, permutation: count
#import grid
#import sort_tile

struct Params { first: u32, count: u32, shift: u32, tiles: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
@group(0) @binding(4) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(5) var<storage, read_write> permutation: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = linear_group(group, groups);
  let start = (tile * GROUP + lane) * EACH;
  count_digits(start, lane);
  workgroupBarrier();
  if (tile < params.tiles) {
    for (var digit = lane; digit < DIGITS; digit += GROUP) {
      var place = offsets[digit * params.tiles + tile];
      for (var l = 0u; l < GROUP; l++) {
        let count = bins[digit * GROUP + l];
        bins[digit * GROUP + l] = place;
        place += count;
      }
    }
  }
  workgroupBarrier();
  for (var e = 0u; e < EACH; e++) {
    let i = start + e;
    if (i < params.count) {
      let key = key_at(i);
      let bin = digit_of(key) * GROUP + lane;
      let place = bins[bin];
      bins[bin] = place + 1u;
      sorted[place] = key;
      if (FIRST) { permutation[place] = i; } else { permutation[place] = indices[i]; }
    }
  }
}
