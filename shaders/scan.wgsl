// y[i] = before[b] + sum of x from the start of i's block b up to i, without x[i] itself when EXCLUSIVE
// x, y: length; before: what precedes each block
#import grid
#import scan_block
const EXCLUSIVE = false;

struct Params { length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Term>;
@group(0) @binding(2) var<storage, read> before: array<Term>;
@group(0) @binding(3) var<storage, read_write> y: array<Term>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = linear_group(group, groups);
  let first = (block * GROUP + lane) * EACH;
  let start = before[block] + sum_before(lane, sum_from(first));
  var sum = Term(0);
  for (var e = 0u; e < EACH; e++) {
    let i = first + e;
    if (i < params.length) {
      let term = x[i];
      y[i] = start + select(sum + term, sum, EXCLUSIVE);
      sum += term;
    }
  }
}
