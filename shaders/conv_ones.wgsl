// The convolution of conv_tile.wgsl with a weight that is one everywhere: each sum is the same for all channels of a group of the result. Before it the
// source's channels of a group were added up, so that `depth` is 1 here.
//
//   image of a group        window        result's channels of the group
//       ┌────────┐           ┌──┐              ┌──┬──┬──┬
//       │ source │    ->     │ +│ taps   ->    │ +│ +│ +│ ...
//       └────────┘           └──┘              └──┴──┴──┴
//
// One invocation sums the windows of four neighbouring pixels and writes them to CHANNELS channels.
#import grid
#import conv_product
const GROUP = 64u;
const CHANNELS = 16u;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let work = work_of(linear_group(group, groups) * GROUP + lane, CHANNELS, 4u);
  if (work.row >= params.rows) { return; }
  let columns = columns_of(work, work.column);
  var sums = vec4f();
  for (var k = 0u; k < work.count; k++) {
    let exists = weight_place(work, work.row, k) != 0xffffffffu;
    sums += select(vec4f(), load_source(columns, k), exists);
  }
  let end = min(work.row + CHANNELS, params.rows);
  for (var row = work.row; row < end; row++) {
    for (var i = 0u; i < 4u; i++) { write_result(work, columns, row, i, sums[i]); }
  }
}
