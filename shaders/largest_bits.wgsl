// largest[lane] = the largest of the bits of |x[i]| over the STEPS values of an invocation: bits without the sign order numbers, denormal ones too.
#import grid
const GROUP = 64u;
const STEPS = 32u;
alias Bits = u32; // vec4u where the length allows

struct Params { length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Bits>;
@group(0) @binding(2) var<storage, read_write> largest: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let turn = linear_group(group, groups);
  if (turn * GROUP >= arrayLength(&largest)) { return; } // a grid of two dimensions has groups to spare
  var found = Bits(0u);
  for (var s = 0u; s < STEPS; s++) {
    let i = (turn * STEPS + s) * GROUP + lane;
    if (i < params.length) { found = max(found, x[i] & Bits(0x7fffffffu)); }
  }
  let four = vec4u(found);
  largest[turn * GROUP + lane] = max(max(four.x, four.y), max(four.z, four.w));
}
