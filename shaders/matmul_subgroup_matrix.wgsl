// out[z] = op(a[z]) op(b[z]), then the epilogue, with op(a) and op(b) rounded to f16 and sums in f32. op(a): m x k, stored k x m when A_TRANSPOSED;
// op(b): k x n, stored n x k when B_TRANSPOSED. b's elements count as WEIGHT_AS says; with MASK_B a zero bit of `mask` makes its element zero.
//
//                 COLUMNS             One workgroup of 4 subgroups of LANES computes ROWS x COLUMNS of out and walks along k in steps of DEPTH:
//            DEPTH ┌───┬───┐          all invocations bring both operands into workgroup memory as f16, then each subgroup multiplies matrices
//                  │   │   │          of SIDE_M x SIDE_K by SIDE_K x SIDE_N on the device's matrix units, 2 x 2 sums to a subgroup.
//       DEPTH      └───┴───┘
//       ┌───┐      ┌───┬───┐          The tiles in workgroup memory are always whole, with zeros past the ends of m, n and k: a load of a matrix
//  ROWS │ a │      │ 0 │ 1 │          that reaches over the end of memory silently reads something else. Sums go back through workgroup memory
//       ├───┤      ├───┼───┤          for the same reason, and as the epilogue needs to know which element it has.
//       │   │      │ 2 │ 3 │
//       └───┘      └───┴───┘          SIDE_M, SIDE_N, SIDE_K and LANES are what the adapter says it has.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
#import grid
#import epilogue
#import matmul_place
#import weight_as

const A_TRANSPOSED = false;
const B_TRANSPOSED = false;
const MASK_B = false;

const SIDE_M = 16u;
const SIDE_N = 16u;
const SIDE_K = 16u;
const LANES = 32u;

const ROWS = 4u * SIDE_M;
const COLUMNS = 4u * SIDE_N;
const DEPTH = 2u * SIDE_K;
const THREADS = 4u * LANES;
const A_TURNS = (ROWS * DEPTH + THREADS - 1u) / THREADS;
const B_TURNS = (DEPTH * COLUMNS + THREADS - 1u) / THREADS;
const OUT_TURNS = (ROWS * COLUMNS / 2u + THREADS - 1u) / THREADS;

alias Operand = f32; // a and b in memory: f16

struct Params { m: u32, n: u32, k: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Operand>;
@group(0) @binding(2) var<storage, read> b: array<Operand>;

alias Left = subgroup_matrix_left<f16, SIDE_K, SIDE_M>;
alias Right = subgroup_matrix_right<f16, SIDE_N, SIDE_K>;
alias Sum = subgroup_matrix_result<f32, SIDE_N, SIDE_M>;

var<workgroup> a_tile: array<f16, ROWS * DEPTH>; // [row][k]
var<workgroup> b_tile: array<f16, DEPTH * COLUMNS>; // [k][column]
var<workgroup> sums: array<f32, ROWS * COLUMNS / 2u>; // [row][column]

fn load_a(z: u32, row: u32, k: u32) -> f16 {
  if (row >= params.m || k >= params.k) { return 0.0h; }
  return f16(a[z * params.m * params.k + select(row * params.k + k, k * params.m + row, A_TRANSPOSED)]);
}

fn load_b(z: u32, k: u32, column: u32) -> f16 {
  if (column >= params.n || k >= params.k) { return 0.0h; }
  let element = select(k * params.n + column, column * params.k + k, B_TRANSPOSED);
  if (MASK_B) {
    if (mask_bits(mask[mask_word(element)], element) == 0u) { return 0.0h; }
  }
  if (WEIGHT_AS == ONE) { return 1.0h; }
  let weight = f32(b[z * params.k * params.n + element]);
  return f16(select(weight, weight * weight, WEIGHT_AS == SQUARE));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let place = place_of(linear_group(group, groups), params.m, params.n, ROWS, COLUMNS);
  if (place.z >= params.batches) { return; }
  // Which quarter of the tile is this subgroup's: rows and columns in it.
  let quarter = index / LANES;
  let down = quarter / 2u * 2u * SIDE_M;
  let across = quarter % 2u * 2u * SIDE_N;

  var sum00 = Sum();
  var sum01 = Sum();
  var sum10 = Sum();
  var sum11 = Sum();
  for (var k = 0u; k < params.k; k += DEPTH) {
    for (var turn = 0u; turn < A_TURNS; turn++) {
      let i = turn * THREADS + index;
      // Neighbours read neighbours in memory.
      let row = select(i / DEPTH, i % ROWS, A_TRANSPOSED);
      let depth = select(i % DEPTH, i / ROWS, A_TRANSPOSED);
      if (i < ROWS * DEPTH) { a_tile[row * DEPTH + depth] = load_a(place.z, place.row + row, k + depth); }
    }
    for (var turn = 0u; turn < B_TURNS; turn++) {
      let i = turn * THREADS + index;
      let depth = select(i / COLUMNS, i % DEPTH, B_TRANSPOSED);
      let column = select(i % COLUMNS, i / DEPTH, B_TRANSPOSED);
      if (i < DEPTH * COLUMNS) { b_tile[depth * COLUMNS + column] = load_b(place.z, k + depth, place.column + column); }
    }
    workgroupBarrier();
    for (var step = 0u; step < 2u; step++) {
      let depth = step * SIDE_K;
      let top = subgroupMatrixLoad<Left, row_major>(&a_tile, down * DEPTH + depth, DEPTH);
      let bottom = subgroupMatrixLoad<Left, row_major>(&a_tile, (down + SIDE_M) * DEPTH + depth, DEPTH);
      let left = subgroupMatrixLoad<Right, row_major>(&b_tile, depth * COLUMNS + across, COLUMNS);
      let right = subgroupMatrixLoad<Right, row_major>(&b_tile, depth * COLUMNS + across + SIDE_N, COLUMNS);
      sum00 = subgroupMatrixMultiplyAccumulate(top, left, sum00);
      sum01 = subgroupMatrixMultiplyAccumulate(top, right, sum01);
      sum10 = subgroupMatrixMultiplyAccumulate(bottom, left, sum10);
      sum11 = subgroupMatrixMultiplyAccumulate(bottom, right, sum11);
    }
    workgroupBarrier();
  }

  // The upper matrices of all subgroups, then the lower ones: so the tiles and half of the sums fit into 16 KiB.
  for (var half = 0u; half < 2u; half++) {
    let first = down / 2u * COLUMNS + across;
    if (half == 0u) {
      subgroupMatrixStore<row_major>(&sums, first, sum00, COLUMNS);
      subgroupMatrixStore<row_major>(&sums, first + SIDE_N, sum01, COLUMNS);
    } else {
      subgroupMatrixStore<row_major>(&sums, first, sum10, COLUMNS);
      subgroupMatrixStore<row_major>(&sums, first + SIDE_N, sum11, COLUMNS);
    }
    workgroupBarrier();
    for (var turn = 0u; turn < OUT_TURNS; turn++) {
      let i = turn * THREADS + index;
      let stored = i / COLUMNS;
      let row = place.row + stored / SIDE_M * 2u * SIDE_M + half * SIDE_M + stored % SIDE_M;
      let column = place.column + i % COLUMNS;
      if (i < ROWS * COLUMNS / 2u && row < params.m && column < params.n) {
        write_out(place.z * params.m * params.n, row * params.n + column, column, sums[i]);
      }
    }
    workgroupBarrier();
  }
}
