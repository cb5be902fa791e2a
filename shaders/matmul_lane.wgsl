// out[z] = op(a[z]) op(b[z]), then the epilogue. op(a): m x k, stored k x m when A_TRANSPOSED; op(b): k x n, stored n x k when B_TRANSPOSED.
// b's elements count as WEIGHT_AS says. For drivers that run a subgroup as one vector of the CPU: 12 to 16 GFLOP/s a core on lavapipe and 2.1 on
// SwiftShader, where matmul_tile reaches 2.5 and 0.6.
//
//                4 * LANES columns     One workgroup is one subgroup of LANES (4 or 8) invocations. A turn of the loop takes four k: each lane loads
//            4 k ┌──┬──┬──┬──┐         the 4 x 4 block of op(b) over its four columns, and one vec4 of op(a) for every LANES rows; broadcasts hand
//                └──┴──┴──┴──┘         the rows around. No workgroup memory and no barrier. Where an operand lies the other way round in memory,
//           4 k  lane 0, 1, ...        its 4 x 4 blocks are transposed, which costs nothing as registers hold one component of all lanes.
//  LANES   ┌───┐ ┌───────────┐
//  rows    │ a0│ │ low0 high0│         Blocks of out: low0 is rows 0 to 3 of those that a0 brings, high0 rows 4 to 7 (with LANES = 8 only).
//          ├───┤ ├───────────┤
//          │ a1│ │ low1 high1│         Operands whose rows in memory are whole vec4 are read so, others by elements.
//          └───┘ └───────────┘
//
// With MASK_B, `mask` holds what index_blocks.wgsl writes: bits of b, 1 = keep, in the squares of b that are not all zero. Only those are visited.
// With MASK_OUT, a tile all of whose bits are zero is not computed.
#import lane_blocks
#import grid
#import bits_from
#import epilogue
#import matmul_place
#import quad
#import weight_as

const A_TRANSPOSED = false;
const B_TRANSPOSED = false;
const MASK_B = false;
const ROWS = 4u * LANES; // of a tile, which is a square, as are the blocks of the mask
const RAGGED_K = QUAD == 1u || A_TRANSPOSED; // whether k may be no multiple of four

struct Params { m: u32, n: u32, k: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;
@group(0) @binding(2) var<storage, read> b: array<Quad>;

// Four neighbours in memory. Of rows that are not whole vec4 the last may bring what follows them.
fn quad_of_a(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(a[element / QUAD]); }
  return vec4f(whole(a[element]).x, whole(a[element + 1u]).x, whole(a[element + 2u]).x, whole(a[element + 3u]).x);
}

fn quad_of_b(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(b[element / QUAD]); }
  return vec4f(whole(b[element]).x, whole(b[element + 1u]).x, whole(b[element + 2u]).x, whole(b[element + 3u]).x);
}

// A quad along k without what follows its row.
fn within_k(quad: vec4f, k: u32) -> vec4f {
  if (QUAD == 4u) { return quad; }
  return select(vec4f(), quad, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(params.k));
}

// What this lane brings of op(a)[row .. row + LANES, k .. k + 4]: four k of a row or, transposed, four rows of a k. Rows past m may be anything, k past
// the end is zero.
fn load_a(z: u32, row: u32, k: u32, lane: u32) -> vec4f {
  if (A_TRANSPOSED) {
    let depth = k + lane % 4u;
    let found = quad_of_a((z * params.k + min(depth, params.k - 1u)) * params.m + min(row + lane / 4u * 4u, params.m - 1u));
    return select(vec4f(), found, depth < params.k);
  }
  return within_k(quad_of_a((z * params.m + min(row + lane, params.m - 1u)) * params.k + k), k);
}

// From what lanes 0 to 3, or 4 to 7, brought of op(a), a block of it: column r of the result is its row r.
fn low_of_a(x: vec4f) -> mat4x4f {
  if (A_TRANSPOSED) { return transpose(low(x)); }
  return low(x);
}

fn high_of_a(x: vec4f) -> mat4x4f {
  if (A_TRANSPOSED) { return transpose(high(x)); }
  return high(x);
}

fn load_quad(element: u32) -> vec4f {
  if (WEIGHT_AS == ONE) { return vec4f(1.0); }
  let quad = quad_of_b(element);
  if (WEIGHT_AS == SQUARE) { return quad * quad; }
  return quad;
}

// Row k of op(b) from the element `start` of its first row on; past the end zero, as what is there may be infinite.
fn load_row(start: u32, k: u32) -> vec4f {
  if (!RAGGED_K) { return load_quad(start + k * params.n); }
  return select(vec4f(), load_quad(start + min(k, params.k - 1u) * params.n), k < params.k);
}

fn keep(values: vec4f, bits: vec4u) -> vec4f {
  if (!MASK_B) { return values; }
  return select(vec4f(), values, bits != vec4u());
}

// Column i of the result is op(b)[k + i, column .. column + 4]; the lowest four bits of each of `bits` are those of a quad in memory. Columns past n may
// be anything, k past the end is zero.
fn load_b(z: u32, k: u32, column: u32, bits: vec4u) -> mat4x4f {
  let start = z * params.k * params.n;
  let last = params.n - 1u;
  if (B_TRANSPOSED) {
    let block = transpose(mat4x4f(
      within_k(load_quad(start + min(column, last) * params.k + k), k),
      within_k(load_quad(start + min(column + 1u, last) * params.k + k), k),
      within_k(load_quad(start + min(column + 2u, last) * params.k + k), k),
      within_k(load_quad(start + min(column + 3u, last) * params.k + k), k)));
    // Masked here and not quad by quad, a bit has the same place in all lanes and columns: half the cost on lavapipe.
    return mat4x4f(
      keep(block[0], bits & vec4u(1u)), keep(block[1], bits & vec4u(2u)),
      keep(block[2], bits & vec4u(4u)), keep(block[3], bits & vec4u(8u)));
  }
  let first = start + min(column, last);
  let each = vec4u(1u, 2u, 4u, 8u);
  return mat4x4f(
    keep(load_row(first, k), vec4u(bits.x) & each), keep(load_row(first, k + 1u), vec4u(bits.y) & each),
    keep(load_row(first, k + 2u), vec4u(bits.z) & each), keep(load_row(first, k + 3u), vec4u(bits.w) & each));
}

// A block's bits are a word for each of its rows in memory, of which every lane brings four. These are the bits of this lane's quads in a turn.
fn bits_of_turn(words: vec4u, turn: u32, lane: u32) -> vec4u {
  if (!MASK_B) { return words; }
  if (B_TRANSPOSED) { return words >> vec4u(4u * turn); }
  return subgroupShuffle(words, turn) >> vec4u(4u * lane);
}

// Whether the mask keeps anything of the tile of out at (row, column).
fn tile_kept(row: u32, column: u32, lane: u32) -> bool {
  var bits = 0u;
  for (var r = row + 4u * lane; r < min(row + 4u * lane + 4u, params.m); r++) {
    bits |= bits_from(r * params.n + column, min(ROWS, params.n - column));
  }
  return subgroupOr(bits) != 0u;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let place = place_of(linear_group(group, groups), params.m, params.n, ROWS, ROWS);
  if (place.z >= params.batches) { return; }
  let column = place.column + 4u * lane;
  let blocks = (params.k + ROWS - 1u) / ROWS;
  let strips = (params.n + ROWS - 1u) / ROWS;
  let strip = place.column / ROWS;

  // Spans of k to visit: all of it at once or, with a mask, the blocks that are not empty.
  var spans = 1u;
  if (MASK_B) { spans = mask[strip * (blocks + 1u)]; }
  if (MASK_OUT && !PREACTIVATION) { spans = select(0u, 1u, tile_kept(place.row, place.column, lane)); }

  var low0 = mat4x4f(); var high0 = mat4x4f();
  var low1 = mat4x4f(); var high1 = mat4x4f();
  var low2 = mat4x4f(); var high2 = mat4x4f();
  var low3 = mat4x4f(); var high3 = mat4x4f();
  // The loops end at their bottom: lavapipe runs the body of a loop that ends at its top once more, with all lanes masked off.
  if (spans > 0u) {
    var span = 0u;
    loop {
      var first = 0u;
      var end = params.k;
      var words = vec4u();
      if (MASK_B) {
        let block = mask[strip * (blocks + 1u) + 1u + span];
        first = block * ROWS;
        end = min(first + ROWS, params.k);
        let at = strips * (blocks + 1u) + (strip * blocks + block) * ROWS + 4u * lane;
        words = vec4u(mask[at], mask[at + 1u], mask[at + 2u], mask[at + 3u]);
      }
      let turns = (end - first + 3u) / 4u;
      var turn = 0u;
      loop {
        let k = first + 4u * turn;
        // All loads come first: lavapipe branches for every lane of a load, and one amid the arithmetic halves the speed.
        let a0 = load_a(place.z, place.row, k, lane);
        let a1 = load_a(place.z, place.row + LANES, k, lane);
        let a2 = load_a(place.z, place.row + 2u * LANES, k, lane);
        let a3 = load_a(place.z, place.row + 3u * LANES, k, lane);
        let block = load_b(place.z, k, column, bits_of_turn(words, turn, lane));
        low0 = add_block(low0, block, low_of_a(a0));
        low1 = add_block(low1, block, low_of_a(a1));
        low2 = add_block(low2, block, low_of_a(a2));
        low3 = add_block(low3, block, low_of_a(a3));
        if (LANES == 8u) {
          high0 = add_block(high0, block, high_of_a(a0));
          high1 = add_block(high1, block, high_of_a(a1));
          high2 = add_block(high2, block, high_of_a(a2));
          high3 = add_block(high3, block, high_of_a(a3));
        }
        continuing {
          turn++;
          break if turn == turns;
        }
      }
      continuing {
        span++;
        break if span == spans;
      }
    }
  }

  // A loop, as the epilogue compiled once an element would take the driver seconds.
  let sums = array<mat4x4f, 8>(low0, high0, low1, high1, low2, high2, low3, high3);
  for (var i = 0u; i < 4u * ROWS; i++) {
    let r = i / 4u;
    let row = place.row + r;
    let c = column + i % 4u;
    if (row < params.m && c < params.n) {
      let block = 2u * (r / LANES) + r % LANES / 4u;
      write_out(place.z * params.m * params.n, row * params.n + c, c, sums[block][r % 4u][i % 4u]);
    }
  }
}
