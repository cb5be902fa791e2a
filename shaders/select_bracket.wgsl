// Counts the scores below, at and above a bracket of two keys, low <= high, and collects those strictly between them
// scores: f32 bits, four a load, from `first` up to `end`; bracket: [below, at low, between, at high]; candidates: f32 bits in any order.
// A low that was never chosen is 0, below all keys; highOpen stands for the largest key. A workgroup stages what it finds, and past STAGED writes it straight away. Nothing is written past the capacity.
#import grid
#import score_key
#import selection

const GROUP = 256u;
const STEPS = 16u; // loads an invocation
const STAGED = 1024u;

struct Params { first: u32, end: u32, capacity: u32, highOpen: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> low: Selection;
@group(0) @binding(3) var<storage, read> high: Selection;
@group(0) @binding(4) var<storage, read_write> bracket: array<atomic<u32>, 4>;
@group(0) @binding(5) var<storage, read_write> candidates: array<u32>;

var<workgroup> staged: array<u32, STAGED>;
var<workgroup> found: atomic<u32>;
var<workgroup> place: u32;

fn put(at: u32, score: u32) {
  if (at < params.capacity) { candidates[at] = score; }
}

fn collect(score: u32) {
  let at = atomicAdd(&found, 1u);
  if (at < STAGED) { staged[at] = score; } else { put(atomicAdd(&bracket[2], 1u), score); }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = linear_group(group, groups) * GROUP * STEPS;
  let lowest = vec4u(low.key);
  let highest = vec4u(select(high.key, OPEN_KEY, params.highOpen != 0u));
  var below = vec4u(0u);
  var atLow = vec4u(0u);
  var atHigh = vec4u(0u);
  for (var s = 0u; s < STEPS; s++) {
    let i = start + s * GROUP + lane;
    if (i * 4u < params.end) {
      let bits = scores[i];
      let keys = score_keys(bits);
      let at = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
      let counted = (at >= vec4u(params.first)) & (at < vec4u(params.end));
      below += select(vec4u(0u), vec4u(1u), counted & (keys < lowest));
      atLow += select(vec4u(0u), vec4u(1u), counted & (keys == lowest));
      atHigh += select(vec4u(0u), vec4u(1u), counted & (keys == highest));
      let between = counted & (keys > lowest) & (keys < highest);
      if (any(between)) {
        if (between.x) { collect(bits.x); }
        if (between.y) { collect(bits.y); }
        if (between.z) { collect(bits.z); }
        if (between.w) { collect(bits.w); }
      }
    }
  }
  atomicAdd(&bracket[0], below.x + below.y + below.z + below.w);
  atomicAdd(&bracket[1], atLow.x + atLow.y + atLow.z + atLow.w);
  atomicAdd(&bracket[3], atHigh.x + atHigh.y + atHigh.z + atHigh.w);
  workgroupBarrier();
  let count = min(atomicLoad(&found), STAGED);
  if (lane == 0u && count > 0u) { place = atomicAdd(&bracket[2], count); }
  workgroupBarrier();
  for (var at = lane; at < count; at += GROUP) { put(place + at, staged[at]); }
}
