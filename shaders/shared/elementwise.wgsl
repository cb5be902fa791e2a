// Entry point of elementwise kernels: calls the kernel's apply(i) for each value i from params.start up to params.end.
// An invocation takes TURNS values, GROUP apart, so that loads of neighbours stay together. src/kernels/elementwise.ts sets the grid.
#import grid
const GROUP = 64u;
const TURNS = 4u;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = params.start + linear_group(group, groups) * (GROUP * TURNS) + lane;
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.end) { apply(i); }
  }
}
