// As select_histogram.wgsl, for drivers that run a workgroup on one core, where atomics are dear: each invocation has its own 16-bit bins,
//   bins[d / 2][lane] = count of digit d in the low or high half, by d % 2
// so an invocation may count at most 65,535 scores.
#import grid
#import score_key
#import selection

const GROUP = 8u;
const STEPS = 2048u; // loads an invocation
const SHIFT = 21u;
const ABOVE = 32u;
const BINS = 2048u;
const BASE = 0u;
const ZEROS = 6144u;

struct Params { first: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> selection: Selection;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> bins: array<u32, BINS / 2u * GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * GROUP * STEPS + lane;
  if (BASE > 0u && selection.settled != 0u) { return; }
  var zeros = vec4u(0u);
  for (var s = 0u; s < STEPS; s++) {
    let i = first + s * GROUP;
    if (i * 4u < params.end) {
      let keys = score_keys(scores[i]);
      let at = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
      var counted = (at >= vec4u(params.first)) & (at < vec4u(params.end));
      if (BASE == 0u) {
        zeros += select(vec4u(0u), vec4u(1u), counted & (keys == vec4u(ZERO_KEY)));
      } else {
        counted &= (keys >> vec4u(ABOVE)) == vec4u(selection.key);
      }
      let digits = (keys >> vec4u(SHIFT)) % BINS;
      let slots = (digits >> vec4u(1u)) * GROUP + lane;
      let ones = vec4u(1u) << ((digits % 2u) * 16u);
      if (counted.x) { bins[slots.x] += ones.x; }
      if (counted.y) { bins[slots.y] += ones.y; }
      if (counted.z) { bins[slots.z] += ones.z; }
      if (counted.w) { bins[slots.w] += ones.w; }
    }
  }
  workgroupBarrier();
  for (var pair = lane; pair < BINS / 2u; pair += GROUP) {
    var low = 0u;
    var high = 0u;
    for (var other = 0u; other < GROUP; other++) {
      let both = bins[pair * GROUP + other];
      low += both & 0xffffu;
      high += both >> 16u;
    }
    if (low > 0u) { atomicAdd(&counts[BASE + pair * 2u], low); }
    if (high > 0u) { atomicAdd(&counts[BASE + pair * 2u + 1u], high); }
  }
  let zero = zeros.x + zeros.y + zeros.z + zeros.w;
  if (zero > 0u) { atomicAdd(&counts[ZEROS], zero); }
}
