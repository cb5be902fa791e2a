// dthresholds[r] = sum over range r of dmask[i] * mask[i]: what a range would gain if all that stays grew
// mask, dmask: arena; ranges: first and count; LANES invocations a range
#import grid
#import row_lanes

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read> dmask: array<f32>;
@group(0) @binding(3) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> dthresholds: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let range = ranges[min(index, params.ranges - 1u)];
  var total = 0.0;
  for (var i = lane % LANES; i < range.y; i += LANES) { total += dmask[range.x + i] * mask[range.x + i]; }
  total = row_sum(lane, total);
  if (index < params.ranges && lane % LANES == 0u) { dthresholds[index] = total; }
}
