// scores[i] = -inf where unit i is pruned already, so that it is pruned again before any other
// scores: length, f32 as bits (a score is never computed with here); keep: one bit a unit
#import grid

const GROUP = 64u;
const NEGATIVE_INFINITY = 0xff800000u;

struct Params { length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read_write> scores: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.length) { return; }
  if (((keep[i >> 5u] >> (i & 31u)) & 1u) == 0u) { scores[i] = NEGATIVE_INFINITY; }
}
