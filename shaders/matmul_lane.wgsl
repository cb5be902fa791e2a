// out[z] = a[z] op(b[z]), then the epilogue. a: m x k; op(b): k x n, stored n x k when B_TRANSPOSED.
// b's elements count as WEIGHT_AS says. For drivers that run a subgroup as one vector of the CPU, where loads and stores go lane by lane.
//
//              SIDE columns           One workgroup is one subgroup of LANES (4 or 8) invocations. SPANS spans of op(b), SIDE x SIDE each, stay in
//           ┌──┬──┬──┬──┐             registers while rows of a stream past them: lane l holds columns 4 l to 4 l + 3, as blocks of 4 k.
//  SIDE k   │  │  │  │  │ x SPANS
//           └──┴──┴──┴──┘             Of a row each lane brings four k of every span, and broadcasts hand them around: one load of a vec4 for
//            lane 0, 1, ...           16 * LANES multiply-adds of vectors. The row's sums wait for the next spans in workgroup memory, lane by
//  rows  ┌──┐ ┌───────────┐           lane, so that nothing needs a barrier.
//     ↓  │a │ │   sums    │
//        └──┘ └───────────┘           Operands whose rows in memory are whole vec4 are read so, others by elements.
//
// With MASK_B, `mask` holds what index_blocks.wgsl writes: bits of b, 1 = keep, in the squares of b that are not all zero. Only those are visited.
// With MASK_OUT, squares of out all of whose bits are zero are not computed.
#import lane_blocks
#import grid
#import bits_from
#import epilogue
#import matmul_place
#import quad
#import weight_as

const B_TRANSPOSED = false;
const MASK_B = false;
const SPANS = 2u; // 1 or 2
const SIDE = 4u * LANES; // of the squares of a mask, too
const SQUARES = 4u; // of a tile of out, at most: up to 8, one below the other
const ROWS = SQUARES * SIDE;

// rows: of a tile, a multiple of SIDE, at most ROWS. turns: LANES, as a number that the driver does not know: it would unroll the loads of a span,
// and compile for seconds.
struct Params { m: u32, n: u32, k: u32, batches: u32, rows: u32, turns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;
@group(0) @binding(2) var<storage, read> b: array<Quad>;

var<workgroup> sums: array<vec4f, ROWS * LANES>;

// Four neighbours in memory. Of rows that are not whole vec4 the last may bring what follows them.
fn quad_of_a(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(a[element / QUAD]); }
  return vec4f(whole(a[element]).x, whole(a[element + 1u]).x, whole(a[element + 2u]).x, whole(a[element + 3u]).x);
}

fn quad_of_b(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(b[element / QUAD]); }
  return vec4f(whole(b[element]).x, whole(b[element + 1u]).x, whole(b[element + 2u]).x, whole(b[element + 3u]).x);
}

// Which of k to k + 3 there are.
fn depths(k: u32) -> vec4<bool> { return vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(params.k); }

// Four k of a row of a, zeros past the end.
fn load_a(z: u32, row: u32, k: u32) -> vec4f {
  return select(vec4f(), quad_of_a((z * params.m + row) * params.k + min(k, params.k - 1u) / QUAD * QUAD), depths(k));
}

// Four neighbours of b that `inside` and, with a mask, the lowest four of `bits` keep.
fn load_weights(element: u32, inside: vec4<bool>, bits: u32) -> vec4f {
  var quad = vec4f(1.0);
  if (WEIGHT_AS != ONE) { quad = quad_of_b(element); }
  if (WEIGHT_AS == SQUARE) { quad *= quad; }
  if (!MASK_B) { return select(vec4f(), quad, inside); }
  return select(vec4f(), quad, inside & ((vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u()));
}

// Column i of the result is op(b)[k + i, column .. column + 4], zeros past the end of k; columns past n may be anything. bits: of each quad in memory.
fn load_b(z: u32, k: u32, column: u32, bits: vec4u) -> mat4x4f {
  let start = z * params.k * params.n;
  let inside = depths(k);
  let first = min(k, params.k - 1u) / QUAD * QUAD;
  let columns = min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(params.n - 1u));
  if (B_TRANSPOSED) {
    let at = start + columns * params.k + first;
    return transpose(mat4x4f(
      load_weights(at.x, inside, bits.x), load_weights(at.y, inside, bits.y),
      load_weights(at.z, inside, bits.z), load_weights(at.w, inside, bits.w)));
  }
  let at = start + min(vec4u(k, k + 1u, k + 2u, k + 3u), vec4u(params.k - 1u)) * params.n + columns.x;
  return mat4x4f(
    load_weights(at.x, inside.xxxx, bits.x), load_weights(at.y, inside.yyyy, bits.y),
    load_weights(at.z, inside.zzzz, bits.z), load_weights(at.w, inside.wwww, bits.w));
}

// The bits of what load_b reads in turn `turn` of a square, of whose rows in memory each is a word from `at` on.
fn load_bits(at: u32, turn: u32, lane: u32) -> vec4u {
  if (!MASK_B) { return vec4u(); }
  let first = at + 4u * select(turn, lane, B_TRANSPOSED);
  return vec4u(mask[first], mask[first + 1u], mask[first + 2u], mask[first + 3u]) >> vec4u(4u * select(lane, turn, B_TRANSPOSED));
}

// Whether the mask keeps anything of the square of out at (row, column).
fn square_kept(row: u32, column: u32, lane: u32) -> bool {
  var bits = 0u;
  for (var r = row + 4u * lane; r < min(row + 4u * lane + 4u, params.m); r++) {
    bits |= bits_from(r * params.n + column, min(SIDE, params.n - column));
  }
  return subgroupOr(bits) != 0u;
}

// What one span adds to a row's sums: block l of the span is for the four k that lane l brings.
fn add_span(sum: vec4f, blocks: ptr<function, array<mat4x4f, 8>>, x: vec4f) -> vec4f {
  var total = add_row(sum, (*blocks)[0], subgroupBroadcast(x, 0u));
  total = add_row(total, (*blocks)[1], subgroupBroadcast(x, 1u));
  total = add_row(total, (*blocks)[2], subgroupBroadcast(x, 2u));
  total = add_row(total, (*blocks)[3], subgroupBroadcast(x, 3u));
  if (LANES == 8u) {
    total = add_row(total, (*blocks)[4], subgroupBroadcast(x, 4u));
    total = add_row(total, (*blocks)[5], subgroupBroadcast(x, 5u));
    total = add_row(total, (*blocks)[6], subgroupBroadcast(x, 6u));
    total = add_row(total, (*blocks)[7], subgroupBroadcast(x, 7u));
  }
  return total;
}

// Moves all blocks one place down. Written to by an index that is no constant, they would be stored lane by lane.
fn append(blocks: ptr<function, array<mat4x4f, 8>>, block: mat4x4f) {
  (*blocks)[0] = (*blocks)[1];
  (*blocks)[1] = (*blocks)[2];
  (*blocks)[2] = (*blocks)[3];
  if (LANES == 8u) {
    (*blocks)[3] = (*blocks)[4];
    (*blocks)[4] = (*blocks)[5];
    (*blocks)[5] = (*blocks)[6];
    (*blocks)[6] = (*blocks)[7];
  }
  (*blocks)[LANES - 1u] = block;
}

// The epilogue of four neighbours of a row.
fn write_row(z: u32, row: u32, column: u32, sum: vec4f, column_bias: vec4f, column_gate: vec4f) {
  for (var c = 0u; c < 4u; c++) {
    if (column + c < params.n) {
      write_of_column(z * params.m * params.n, row * params.n + column + c, sum[c], column_bias[c], column_gate[c]);
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let place = place_of(linear_group(group, groups), params.m, params.n, params.rows, SIDE);
  if (place.z >= params.batches) { return; }
  let column = place.column + 4u * lane;
  let rows = min(params.rows, params.m - place.row);
  for (var row = 0u; row < rows; row++) { sums[row * LANES + lane] = vec4f(); }

  // The spans of k to visit: all or, with a mask, those in its list of squares that are not empty, whose bits follow all the lists.
  let all = (params.k + SIDE - 1u) / SIDE;
  let strip = place.column / SIDE;
  let list = strip * (all + 1u);
  let words = (params.n + SIDE - 1u) / SIDE * (all + 1u) + strip * all * SIDE;
  var spans = all;
  if (MASK_B) { spans = mask[list]; }

  // The squares of out to compute, one below the other: four bits each.
  var squares = 0x76543210u;
  var count = (rows + SIDE - 1u) / SIDE;
  if (MASK_OUT && !PREACTIVATION) {
    squares = 0u;
    count = 0u;
    for (var square = 0u; square * SIDE < rows; square++) {
      if (square_kept(place.row + square * SIDE, place.column, lane)) {
        squares |= square << (4u * count);
        count++;
      }
    }
    if (count == 0u) { spans = 0u; }
  }

  var blocks: array<mat4x4f, 8>;
  var next_blocks: array<mat4x4f, 8>;
  for (var i = 0u; i < spans; i += SPANS) {
    var span = i;
    var next = i + 1u;
    if (MASK_B) {
      span = mask[list + 1u + i];
      next = select(all, mask[list + 2u + i], next < spans);
    }
    for (var turn = 0u; turn < params.turns; turn++) {
      append(&blocks, load_b(place.z, span * SIDE + 4u * turn, column, load_bits(words + span * SIDE, turn, lane)));
      if (SPANS == 2u) { append(&next_blocks, load_b(place.z, next * SIDE + 4u * turn, column, load_bits(words + next * SIDE, turn, lane))); }
    }
    for (var square = 0u; square < count; square++) {
      var row = ((squares >> (4u * square)) & 15u) * SIDE;
      let end = min(row + SIDE, rows);
      // Ends at its bottom: lavapipe runs the body of a loop that ends at its top once more, with all lanes masked off.
      loop {
        // All loads come first: lavapipe branches for every lane of a load, and one amid the arithmetic halves the speed.
        let x = load_a(place.z, place.row + row, span * SIDE + 4u * lane);
        var next_x: vec4f;
        if (SPANS == 2u) { next_x = load_a(place.z, place.row + row, next * SIDE + 4u * lane); }
        var sum = add_span(sums[row * LANES + lane], &blocks, x);
        if (SPANS == 2u) { sum = add_span(sum, &next_blocks, next_x); }
        sums[row * LANES + lane] = sum;
        continuing {
          row++;
          break if row == end;
        }
      }
    }
  }

  let column_bias = vec4f(bias_of(column), bias_of(column + 1u), bias_of(column + 2u), bias_of(column + 3u));
  let column_gate = vec4f(gate_of(column), gate_of(column + 1u), gate_of(column + 2u), gate_of(column + 3u));
  for (var row = 0u; row < rows; row++) { write_row(place.z, place.row + row, column, sums[row * LANES + lane], column_bias, column_gate); }
}
