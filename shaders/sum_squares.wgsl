// sums[base + invocation] = sum of x^2 over the values of one invocation, STEPS of them
// x: length values
#import grid
#import value

const GROUP = 64u;
const STEPS = 16u;

struct Params { length: u32, base: u32 } // in values

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> sums: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let turn = linear_group(group, groups);
  var total = Value(0.0);
  for (var s = 0u; s < STEPS; s++) {
    let i = (turn * STEPS + s) * GROUP + lane;
    if (i < params.length) { total += x[i] * x[i]; }
  }
  sums[params.base + turn * GROUP + lane] = total;
}
