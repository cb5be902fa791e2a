// The convolution of conv_tile.wgsl for groups of few channels, such as depthwise ones, where tiles would be empty.
// One invocation sums four neighbouring pixels of one channel.
#import grid
#import conv_product
#import conv_weight
const GROUP = 64u;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let work = work_of(linear_group(group, groups) * GROUP + lane, 1u, 4u);
  if (work.row >= params.rows) { return; }
  let columns = columns_of(work, work.column);
  var sums = vec4f();
  for (var k = 0u; k < work.count; k++) { sums = fma(vec4f(load_weight(work, work.row, k)), load_source(columns, k), sums); }
  for (var i = 0u; i < 4u; i++) { write_result(work, columns, work.row, i, sums[i]); }
}
