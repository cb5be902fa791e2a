// The gradient of conv_weight_tile.wgsl for groups of few channels, such as depthwise ones, where tiles would be empty.
// One invocation sums four neighbouring weights of one output channel over a run of lines.
#import grid
#import conv_weight_product
const GROUP = 64u;

@group(0) @binding(1) var<storage, read> dy: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let work = work_of(linear_group(group, groups) * GROUP + lane, 1u, 4u);
  if (work.row >= params.rows) { return; }
  let columns = columns_of(work.column);
  var sums = vec4f();
  for (var line = work.first_line; line < work.end_line; line++) {
    let lines = lines_of_x(work, columns, line);
    let start = line_of_dy(work, work.row, line);
    for (var pixel = 0u; pixel < params.width; pixel++) {
      sums = fma(vec4f(dy[start + pixel]), load_x(columns, lines, pixel), sums);
    }
  }
  for (var i = 0u; i < 4u; i++) { write_result(work, work.row, work.column + i, sums[i]); }
}
