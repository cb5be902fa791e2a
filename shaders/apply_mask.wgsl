// y[i] = x[i] where bit i of the mask is 1, else 0; a masked NaN or infinity becomes 0 as well
// x, y: length; mask: one bit an element
#import grid
#import lanes
#import mask_lane

const GROUP = 64u;
const TURNS = 4u;

struct Params { start: u32, end: u32 } // in lanes

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Lane>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Lane>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = params.start + linear_group(group, groups) * GROUP * TURNS + lane;
  for (var t = 0u; t < TURNS; t++) {
    let i = first + t * GROUP;
    if (i < params.end) {
      y[i] = select(Lane(0.0), x[i], lane_bits(mask[lane_word(i)], i) != LaneBits(0u));
    }
  }
}
