// score[offset + i] += term(a[i], w[i]): every weight is a unit
// a, w: length
#import grid
#import lanes
#import saliency_term

const GROUP = 64u;
const TURNS = 4u;

struct Params { start: u32, end: u32, offset: u32 } // start and end in lanes, offset in elements

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Lane>;
@group(0) @binding(2) var<storage, read> w: array<Lane>;
@group(0) @binding(3) var<storage, read_write> score: array<Lane>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = params.start + linear_group(group, groups) * GROUP * TURNS + lane;
  for (var t = 0u; t < TURNS; t++) {
    let i = first + t * GROUP;
    if (i < params.end) { score[params.offset / LANES + i] += saliency_term(a[i], w[i]); }
  }
}
