// y[n, o, p] = bias[o] + sum over c, tap of (weight * mask)[o, c, tap] * x[n, c, p * STRIDE - padding + tap], or its gradient by x with INPUT_GRAD.
// Any shape, any device. x: N x C x H x W, y: N x O x H' x W'.
//
//                 TILE pixels         One workgroup of 16 x 16 invocations computes TILE channels x TILE pixels of a group and walks along k, the
//            DEPTH ┌────────┐         channels and taps of the source, in steps of DEPTH. Pixels are gathered from the images as they are: no
//                  │ b_tile │         matrix of patches is written.
//       DEPTH      └────────┘
// TILE  ┌───┐      ┌────────┐
// rows  │ a │      │ 4 x 4  │
//       └───┘      └────────┘
#import grid
#import conv_product
#import conv_weight
#import tile_product

@compute @workgroup_size(QUADS * QUADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let work = work_of(linear_group(group, groups), TILE, TILE);
  if (work.row >= params.rows) { return; }
  // Neighbouring invocations load neighbouring weights, and neighbouring pixels.
  let fast = lane % QUADS;
  let slow = lane / QUADS;
  let row = work.row + 4u * slow;
  let columns = columns_of(work, work.column + 4u * fast);

  var sums = mat4x4f();
  for (var k = 0u; k < work.count; k += DEPTH) {
    a_tile[fast * PITCH + slow] = vec4f(
      load_weight(work, row, k + fast), load_weight(work, row + 1u, k + fast),
      load_weight(work, row + 2u, k + fast), load_weight(work, row + 3u, k + fast));
    b_tile[slow * PITCH + fast] = load_source(columns, k + slow);
    workgroupBarrier();
    add_tiles(&sums, slow, fast);
    workgroupBarrier();
  }

  // A loop, as the epilogue compiled sixteen times over would take software drivers seconds.
  for (var i = 0u; i < 16u; i++) { write_result(work, columns, row + i / 4u, i % 4u, sums[i / 4u][i % 4u]); }
}
