// Finds the keys that enclose the threshold: those of two ranks of the range's sample, digit by digit of 8 bits. A workgroup takes a range.
// sample: f32 bits, four a load; a range's begin at a multiple of four
#import grid
#import score_key
#import selection

const GROUP = 256u;

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sample: array<vec4u>;
@group(0) @binding(2) var<storage, read> ranges: array<Range>;
@group(0) @binding(3) var<storage, read_write> selections: array<Selection>;

var<workgroup> bins: array<atomic<u32>, 512>; // of the low end, and of the high one
var<workgroup> keys: array<u32, 2>;
var<workgroup> ranks: array<u32, 2>;

fn count(at: vec4u, counted: vec4<bool>) {
  if (!any(counted)) { return; }
  if (counted.x) { atomicAdd(&bins[at.x], 1u); }
  if (counted.y) { atomicAdd(&bins[at.y], 1u); }
  if (counted.z) { atomicAdd(&bins[at.z], 1u); }
  if (counted.w) { atomicAdd(&bins[at.w], 1u); }
}

// Narrows one end to the digit in which its rank lies.
fn narrow(side: u32) {
  var digit = 0u;
  var rank = ranks[side];
  for (; digit < 255u; digit++) {
    let count = atomicLoad(&bins[side * 256u + digit]);
    if (rank < count) { break; }
    rank -= count;
  }
  ranks[side] = rank;
  keys[side] = (keys[side] << 8u) | digit;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.ranges) { return; }
  let range = ranges[index];
  if (range.samples == 0u) { // nothing is known; with nothing to prune everything lies above
    if (lane == 0u) { selections[index].high = select(OPEN_KEY, 0u, range.prune == 0u); }
    return;
  }
  if (lane == 0u) { ranks = array<u32, 2>(range.low, range.high); }
  for (var d = 0u; d < 4u; d++) {
    let shift = 24u - d * 8u;
    for (var bin = lane; bin < 512u; bin += GROUP) { atomicStore(&bins[bin], 0u); }
    workgroupBarrier();
    let low = keys[0];
    let high = keys[1];
    for (var s = lane * 4u; s < range.samples; s += GROUP * 4u) {
      let keys = score_keys(sample[(range.sample + s) / 4u]);
      let digits = (keys >> vec4u(shift)) & vec4u(255u);
      let prefixes = keys >> vec4u(min(shift + 8u, 31u));
      let sampled = vec4u(s, s + 1u, s + 2u, s + 3u) < vec4u(range.samples);
      count(digits, sampled & ((prefixes == vec4u(low)) | vec4<bool>(d == 0u)));
      count(digits + vec4u(256u), sampled & ((prefixes == vec4u(high)) | vec4<bool>(d == 0u)));
    }
    workgroupBarrier();
    if (lane < 2u) { narrow(lane); }
    workgroupBarrier();
  }
  if (lane == 0u) {
    selections[index].low = select(keys[0], 0u, range.low == OPEN);
    selections[index].high = select(keys[1], OPEN_KEY, range.high == OPEN);
  }
}
