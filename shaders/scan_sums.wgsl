// sums[b] = sum of x over block b
// x: length; sums: blocks
#import grid
#import scan_block

struct Params { length: u32, blocks: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Term>;
@group(0) @binding(2) var<storage, read_write> sums: array<Term>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = linear_group(group, groups);
  let first = (block * GROUP + lane) * EACH;
  let own = sum_from(first);
  let before = sum_before(lane, own);
  if (lane == GROUP - 1u && block < params.blocks) { sums[block] = before + own; }
}
