// counts[r] = number of ones among ranges[r].y bits of the mask from bit ranges[r].x. A workgroup takes a range.
#import grid

const GROUP = 64u;

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;

var<workgroup> ones: atomic<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  let range = ranges[min(index, params.ranges - 1u)];
  let end = range.x + range.y;
  var own = 0u;
  for (var word = (range.x >> 5u) + lane; word * 32u < end; word += GROUP) {
    var bits = mask[word];
    if (word * 32u < range.x) { bits &= 0xffffffffu << (range.x & 31u); }
    if (word * 32u + 32u > end) { bits &= 0xffffffffu >> (32u - (end & 31u)); }
    own += countOneBits(bits);
  }
  atomicAdd(&ones, own);
  workgroupBarrier();
  if (lane == 0u && index < params.ranges) { counts[index] = atomicLoad(&ones); }
}
