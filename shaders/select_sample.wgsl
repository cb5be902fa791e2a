// sample[base + s] = one score of the s-th stretch of `stride` scores, at a scattered place in it
#import grid

const GROUP = 64u;

struct Params { first: u32, stride: u32, base: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<u32>;
@group(0) @binding(2) var<storage, read_write> sample: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = linear_group(group, groups) * GROUP + lane;
  if (s >= params.count) { return; }
  // Fibonacci hashing: rows and columns of a tensor must not be hit in step.
  sample[params.base + s] = scores[params.first + s * params.stride + ((s * 2654435769u) >> 8u) % params.stride];
}
