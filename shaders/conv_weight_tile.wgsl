// d_weight[o, c, tap] = sum over n, p of dy[n, o, p] * x[n, c, p * STRIDE - padding + tap], for the weights that a mask keeps with MASK_OUT.
// Any shape, any device. x: N x C x H x W, dy: N x O x H' x W'.
//
//                 TILE (c, tap)       One workgroup of 16 x 16 invocations computes TILE x TILE of a group's weights and walks along the
//            DEPTH ┌────────┐         pixels of its lines of dy in steps of DEPTH.
//                  │ b_tile │
//       DEPTH      └────────┘
// TILE  ┌───┐      ┌────────┐
// rows  │ a │      │ 4 x 4  │
//       └───┘      └────────┘
#import grid
#import conv_weight_product
#import tile_product

@group(0) @binding(1) var<storage, read> dy: array<f32>;

@compute @workgroup_size(QUADS * QUADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let work = work_of(linear_group(group, groups), TILE, TILE);
  if (work.row >= params.rows) { return; }
  // Neighbouring invocations load neighbouring pixels.
  let fast = lane % QUADS;
  let slow = lane / QUADS;
  let load_row = work.row + 4u * slow;
  let columns = columns_of(work.column + 4u * slow);

  var sums = mat4x4f();
  let end = work.end_line * params.width;
  for (var k = work.first_line * params.width; k < end; k += DEPTH) {
    let at = min(k + fast, end - 1u);
    let line = at / params.width;
    let pixel = at % params.width;
    let rows = vec4f(
      dy[line_of_dy(work, load_row, line) + pixel], dy[line_of_dy(work, load_row + 1u, line) + pixel],
      dy[line_of_dy(work, load_row + 2u, line) + pixel], dy[line_of_dy(work, load_row + 3u, line) + pixel]);
    a_tile[fast * PITCH + slow] = select(vec4f(), rows, k + fast < end);
    b_tile[fast * PITCH + slow] = load_x(columns, lines_of_x(work, columns, line), pixel);
    workgroupBarrier();
    add_tiles(&sums, slow, fast);
    workgroupBarrier();
  }

  // A loop, as the epilogue compiled sixteen times over would take software drivers seconds.
  for (var i = 0u; i < 16u; i++) {
    write_result(work, work.row + 4u * slow + i / 4u, work.column + 4u * fast + i % 4u, sums[i / 4u][i % 4u]);
  }
}
