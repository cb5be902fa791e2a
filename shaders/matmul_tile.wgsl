// out[z] = op(a[z]) op(b[z]), then the epilogue. op(a): m x k, stored k x m when A_TRANSPOSED; op(b): k x n, stored n x k when B_TRANSPOSED.
// b's elements count as WEIGHT_AS says; with MASK_B a zero bit of `mask` makes its element zero. Any shape, any device.
//
//                   COLUMNS           One workgroup computes ROWS x COLUMNS of out and walks along k in steps of DEPTH: its invocations bring
//            DEPTH ┌────────┐         pieces of both operands into workgroup memory, turned so that a vec4 lies along a side of the tile, then
//                  │ b_tile │         each adds the outer products of its rows and columns.
//       DEPTH      └────────┘
//       ┌───┐      ┌────────┐         An invocation has ROW_QUADS (1, 2 or 4) quads of rows, DOWN quads apart, by COLUMN_QUADS (1 or 2) quads of
//  ROWS │ a │      │ 0 1 0 1│         columns, ACROSS quads apart: so neighbours read neighbouring quads of a tile. All sums have names, and stay
//       │   │      │ 2 3 2 3│         in registers whatever the driver's compiler makes of arrays.
//       └───┘      └────────┘
// Where rows of both operands are whole vec4, `Quad` and QUAD read four elements at once, and a piece is 4 x 4; else it is a quad of one k.
// With `splits` > 1 the sum over k is cut into chunks of a multiple of DEPTH: group (z, split) writes a partial product as matrix
// z * splits + split of out; matmul_sum adds them up. Steps along k in which the mask keeps nothing of b are left out, and so is all of k for tiles of
// out that MASK_OUT leaves nothing of.
#import across
#import grid
#import epilogue
#import kept_blocks
#import matmul_place
#import quad
#import weight_as

const A_TRANSPOSED = false;
const B_TRANSPOSED = false;
const MASK_B = false;

const ROWS = 64u;
const COLUMNS = 64u;
const DEPTH = 16u;
const ROW_QUADS = 1u;
const COLUMN_QUADS = 1u;

const DOWN = ROWS / 4u / ROW_QUADS;
const ACROSS = COLUMNS / 4u / COLUMN_QUADS;
const VALUES = 4u / WIDTH; // that a quad of a row is written as
const THREADS = DOWN * ACROSS;
const A_PITCH = ROWS / 4u + 1u; // one more than the quads of a side, so that writes along k fall into different banks
const B_PITCH = COLUMNS / 4u + 1u;
const DEPTH_PIECES = DEPTH / QUAD;
const A_PIECES = ROWS / 4u * DEPTH_PIECES;
const B_PIECES = COLUMNS / 4u * DEPTH_PIECES;
const TURNS = (A_PIECES + B_PIECES + THREADS - 1u) / THREADS;

struct Params { m: u32, n: u32, k: u32, batches: u32, splits: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;
@group(0) @binding(2) var<storage, read> b: array<Quad>;

var<workgroup> a_tile: array<vec4f, DEPTH * A_PITCH>; // [k][row / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * B_PITCH>; // [k][column / 4]

// Where a workgroup's tile lies in op(a) and op(b), and the end of its part of k.
struct Tile { z: u32, row: u32, column: u32, k: u32, k_end: u32 }

// From one stored line of a piece to the next, as (row, k) of op(a) and (k, column) of op(b). A piece of one k has its lines along the side.
const A_LINE = select(vec2u(1u, 0u), vec2u(0u, 1u), A_TRANSPOSED && QUAD == 4u);
const B_LINE = select(vec2u(0u, 1u), vec2u(1u, 0u), !B_TRANSPOSED && QUAD == 4u);

// The stored quad of op(a) that begins at (row, k).
fn load_a(tile: Tile, at: vec2u) -> vec4f {
  if (at.x >= params.m || at.y >= tile.k_end) { return vec4f(); }
  let element = select(at.x * params.k + at.y, at.y * params.m + at.x, A_TRANSPOSED);
  return whole(a[(tile.z * params.m * params.k + element) / QUAD]);
}

// The stored quad of op(b) that begins at (k, column).
fn load_b(tile: Tile, at: vec2u) -> vec4f {
  if (at.x >= tile.k_end || at.y >= params.n) { return vec4f(); }
  let element = select(at.x * params.n + at.y, at.y * params.k + at.x, B_TRANSPOSED);
  var weights = vec4f(1.0);
  if (WEIGHT_AS != ONE) { weights = whole(b[(tile.z * params.k * params.n + element) / QUAD]); }
  if (WEIGHT_AS == SQUARE) { weights *= weights; }
  if (!MASK_B) { return weights; }
  let bits = vec4u(mask[element / 32u] >> (element % 32u));
  return select(vec4f(), weights, (bits & vec4u(1u, 2u, 4u, 8u)) != vec4u());
}

// Neighbouring invocations bring neighbours in memory.
fn bring_a(tile: Tile, piece: u32) {
  let quad = select(piece / DEPTH_PIECES, piece % (ROWS / 4u), A_TRANSPOSED);
  let depth = QUAD * select(piece % DEPTH_PIECES, piece / (ROWS / 4u), A_TRANSPOSED);
  let first = vec2u(tile.row + 4u * quad, tile.k + depth);
  var block = mat4x4f(
    load_a(tile, first), load_a(tile, first + A_LINE), load_a(tile, first + 2u * A_LINE), load_a(tile, first + 3u * A_LINE));
  if (!A_TRANSPOSED || QUAD == 1u) { block = transpose(block); }
  for (var i = 0u; i < QUAD; i++) { a_tile[(depth + i) * A_PITCH + quad] = block[i]; }
}

fn bring_b(tile: Tile, piece: u32) {
  let quad = select(piece % (COLUMNS / 4u), piece / DEPTH_PIECES, B_TRANSPOSED);
  let depth = QUAD * select(piece / (COLUMNS / 4u), piece % DEPTH_PIECES, B_TRANSPOSED);
  let first = vec2u(tile.k + depth, tile.column + 4u * quad);
  var block = mat4x4f(
    load_b(tile, first), load_b(tile, first + B_LINE), load_b(tile, first + 2u * B_LINE), load_b(tile, first + 3u * B_LINE));
  if (B_TRANSPOSED || QUAD == 1u) { block = transpose(block); }
  for (var i = 0u; i < QUAD; i++) { b_tile[(depth + i) * B_PITCH + quad] = block[i]; }
}

// Four rows by four or eight columns: column i of a matrix is row i.
struct Sums { left: mat4x4f, right: mat4x4f }

fn add_rows(sums: ptr<function, Sums>, x: vec4f, left: vec4f, right: vec4f) {
  (*sums).left = add_outer((*sums).left, x, left);
  if (COLUMN_QUADS == 2u) { (*sums).right = add_outer((*sums).right, x, right); }
}

fn add_outer(sum: mat4x4f, x: vec4f, y: vec4f) -> mat4x4f {
  return mat4x4f(fma(vec4f(x.x), y, sum[0]), fma(vec4f(x.y), y, sum[1]), fma(vec4f(x.z), y, sum[2]), fma(vec4f(x.w), y, sum[3]));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(linear_group(group, groups), params.m, params.n, ROWS, COLUMNS);
  let z = place.z / params.splits;
  if (z >= params.batches) { return; }
  let k_begin = place.z % params.splits * params.chunk;
  var k_end = min(k_begin + params.chunk, params.k);
  if (MASK_OUT && !PREACTIVATION) {
    if (!tile_kept(place.row, place.column, lane)) { k_end = k_begin; }
  }
  let across = lane % ACROSS;
  let down = lane / ACROSS;

  var rows0 = Sums();
  var rows1 = Sums();
  var rows2 = Sums();
  var rows3 = Sums();
  var blocks = 0xffffffffu;
  for (var k = k_begin; k < k_end; k += DEPTH) {
    if (MASK_B) {
      let block = (k - k_begin) / BLOCK % 32u;
      if ((k - k_begin) % WINDOW == 0u) { blocks = kept_blocks(k, k_end, place.column, lane); }
      if (((blocks >> block) & 1u) == 0u) { continue; }
    }
    let tile = Tile(z, place.row, place.column, k, k_end);
    for (var turn = 0u; turn < TURNS; turn++) {
      let piece = turn * THREADS + lane;
      if (piece < A_PIECES) {
        bring_a(tile, piece);
      } else if (piece < A_PIECES + B_PIECES) {
        bring_b(tile, piece - A_PIECES);
      }
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let x = d * A_PITCH + down;
      let left = b_tile[d * B_PITCH + across];
      let right = b_tile[d * B_PITCH + across + (COLUMN_QUADS - 1u) * ACROSS];
      add_rows(&rows0, a_tile[x], left, right);
      if (ROW_QUADS > 1u) { add_rows(&rows1, a_tile[x + DOWN], left, right); }
      if (ROW_QUADS > 2u) {
        add_rows(&rows2, a_tile[x + 2u * DOWN], left, right);
        add_rows(&rows3, a_tile[x + 3u * DOWN], left, right);
      }
    }
    workgroupBarrier();
  }

  // A loop, as the epilogue compiled once an element would take software drivers seconds.
  let quads = array<mat4x4f, 8>(
    rows0.left, rows0.right, rows1.left, rows1.right, rows2.left, rows2.right, rows3.left, rows3.right);
  for (var i = 0u; i < 4u * VALUES * ROW_QUADS * COLUMN_QUADS; i++) {
    let r = i / (VALUES * COLUMN_QUADS);
    let c = i / VALUES % COLUMN_QUADS;
    let part = i % VALUES * WIDTH;
    let row = place.row + 4u * (down + r / 4u * DOWN) + r % 4u;
    let column = place.column + 4u * (across + c * ACROSS) + part;
    if (row < params.m && column < params.n) {
      let sums = value_of(quads[r / 4u * 2u + c][r % 4u], part);
      write_out(place.z * params.m * params.n / WIDTH, (row * params.n + column) / WIDTH, column / WIDTH, sums);
    }
  }
}
