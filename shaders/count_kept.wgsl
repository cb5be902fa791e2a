// count[index] += number of ones among the first `length` bits of the mask. Integer sums do not depend on the order of the atomics.
#import grid

const GROUP = 64u;
const WORDS = 16u; // a thread

struct Params { length: u32, index: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> count: array<atomic<u32>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * GROUP * WORDS + lane;
  let whole = params.length >> 5u;
  let rest = params.length & 31u;
  var ones = 0u;
  for (var t = 0u; t < WORDS; t++) {
    let word = first + t * GROUP;
    if (word < whole) { ones += countOneBits(mask[word]); }
    if (word == whole && rest > 0u) { ones += countOneBits(mask[word] & ((1u << rest) - 1u)); }
  }
  if (ones > 0u) { atomicAdd(&count[params.index], ones); }
}
