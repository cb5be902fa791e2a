// out[z] = op(a[z]) op(b[z]), then the epilogue. op(a): m x k, stored k x m when A_TRANSPOSED; op(b): k x n, stored n x k when B_TRANSPOSED.
// b's elements count as WEIGHT_AS says; with MASK_B a zero bit of `mask` makes its element zero. Any shape, any device.
//
//                 TILE columns        One workgroup of 16 x 16 invocations computes TILE x TILE of out and walks along k in steps of DEPTH:
//            DEPTH ┌────────┐         all invocations load one vec4 of each operand into workgroup memory, then each adds the outer
//                  │ b_tile │         products of its 4 rows and 4 columns.
//       DEPTH      └────────┘
//       ┌───┐      ┌────────┐         With `splits` > 1 the sum over k is cut into chunks: group (z, split) writes a partial
// TILE  │ a │      │ 4 x 4  │         product as matrix z * splits + split of out; matmul_sum adds them up.
// rows  └───┘      └────────┘
#import grid
#import epilogue
#import matmul_place
#import weight_as

const A_TRANSPOSED = false;
const B_TRANSPOSED = false;
const MASK_B = false;

const TILE = 64u;
const DEPTH = 16u;
const QUADS = 16u; // vec4 along a tile's side
const PITCH = 17u; // one more than QUADS, so that writes along k fall into different banks

struct Params { m: u32, n: u32, k: u32, batches: u32, splits: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;

var<workgroup> a_tile: array<vec4f, DEPTH * PITCH>; // [k][row / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * PITCH>; // [k][column / 4]

fn load_a(start: u32, row: u32, k: u32, k_end: u32) -> f32 {
  if (row >= params.m || k >= k_end) { return 0.0; }
  return a[start + select(row * params.k + k, k * params.m + row, A_TRANSPOSED)];
}

fn load_b(start: u32, k: u32, column: u32, k_end: u32) -> f32 {
  if (column >= params.n || k >= k_end) { return 0.0; }
  let element = select(k * params.n + column, column * params.k + k, B_TRANSPOSED);
  if (MASK_B) {
    if (!kept(element)) { return 0.0; }
  }
  if (WEIGHT_AS == ONE) { return 1.0; }
  let weight = b[start + element];
  return select(weight, weight * weight, WEIGHT_AS == SQUARE);
}

@compute @workgroup_size(QUADS * QUADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(linear_group(group, groups), params.m, params.n, TILE, TILE);
  let z = place.z / params.splits;
  if (z >= params.batches) { return; }
  let k_begin = place.z % params.splits * params.chunk;
  let k_end = min(k_begin + params.chunk, params.k);
  let a_start = z * params.m * params.k;
  let b_start = z * params.k * params.n;

  // Neighbouring invocations load neighbouring words of the operand.
  let fast = lane % QUADS;
  let slow = lane / QUADS;
  let a_quad = select(slow, fast, A_TRANSPOSED);
  let a_depth = select(fast, slow, A_TRANSPOSED);
  let b_quad = select(fast, slow, B_TRANSPOSED);
  let b_depth = select(slow, fast, B_TRANSPOSED);
  let a_row = place.row + 4u * a_quad;
  let b_column = place.column + 4u * b_quad;

  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var k = k_begin; k < k_end; k += DEPTH) {
    let ak = k + a_depth;
    let bk = k + b_depth;
    a_tile[a_depth * PITCH + a_quad] = vec4f(
      load_a(a_start, a_row, ak, k_end), load_a(a_start, a_row + 1u, ak, k_end),
      load_a(a_start, a_row + 2u, ak, k_end), load_a(a_start, a_row + 3u, ak, k_end));
    b_tile[b_depth * PITCH + b_quad] = vec4f(
      load_b(b_start, bk, b_column, k_end), load_b(b_start, bk, b_column + 1u, k_end),
      load_b(b_start, bk, b_column + 2u, k_end), load_b(b_start, bk, b_column + 3u, k_end));
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let x = a_tile[d * PITCH + slow];
      let y = b_tile[d * PITCH + fast];
      row0 = fma(vec4f(x.x), y, row0);
      row1 = fma(vec4f(x.y), y, row1);
      row2 = fma(vec4f(x.z), y, row2);
      row3 = fma(vec4f(x.w), y, row3);
    }
    workgroupBarrier();
  }

  // A loop, as the epilogue compiled sixteen times over would take software drivers seconds.
  let rows = mat4x4f(row0, row1, row2, row3);
  for (var i = 0u; i < 16u; i++) {
    let row = place.row + 4u * slow + i / 4u;
    let column = place.column + 4u * fast + i % 4u;
    if (row < params.m && column < params.n) {
      write_out(place.z * params.m * params.n, row * params.n + column, column, rows[i / 4u][i % 4u]);
    }
  }
}
