// out[z] = a[z] op(b[z]), then the epilogue. a: m x k; op(b): k x n, stored n x k when B_TRANSPOSED.
// b's elements count as WEIGHT_AS says. For drivers that run a subgroup as one vector of the CPU, where loads and stores go lane by lane.
//
//              SIDE columns           One workgroup is one subgroup of LANES (4 or 8) invocations. SPANS spans of op(b), SIDE x SIDE each, stay in
//           ┌──┬──┬──┬──┐             registers while rows of a stream past them: lane l holds columns 4 l to 4 l + 3, as blocks of 4 k.
//  SIDE k   │  │  │  │  │ x SPANS
//           └──┴──┴──┴──┘             Of a row each lane brings four k of every span, and shuffles hand them around: one load of a vec4 for
//            lane 0, 1, ...           16 * LANES multiply-adds of vectors. The row's sums wait for the next spans in workgroup memory, lane by
//  rows  ┌──┐ ┌───────────┐           lane, so that nothing needs a barrier.
//     ↓  │a │ │   sums    │
//        └──┘ └───────────┘           Operands whose rows in memory are whole vec4 are read so, others by elements.
//
// With OUT_TRANSPOSED out holds the result's transpose, n x m, and the epilogue's columns are the rows of a.
// With MASK_B spans of op(b) all of whose bits are zero are not visited. With MASK_OUT squares of out all of whose bits are zero are not computed: a
// tile is as many of the others of a strip of out as fit.
#import lane_blocks
#import grid
#import matmul_place
#import lane_results
#import lane_spans
#import lane_squares

const B_TRANSPOSED = false;
const MASK_B = false;
const OUT_TRANSPOSED = false; // not with ONE_TURN
const SPANS = 2u; // 1, 2 or 4
const ONE_TURN = false; // SPANS spans are all of k, and nothing is left out of out: each row goes to the epilogue at once
const SIDE = 4u * LANES; // of the squares of a mask, too
const SQUARES = 4u; // of out in a tile, at most, one below the other
const ROWS = SQUARES * SIDE;
const SKIP = MASK_OUT && !PREACTIVATION; // the squares of out all of whose bits are zero
const WAITING = select(ROWS, 1u, ONE_TURN); // rows that have sums in workgroup memory

// rows: of a tile, at most ROWS; with MASK_OUT a multiple of SIDE. turns: LANES, and spans: SPANS, as numbers that the driver does not know: it would
// unroll the loads of b, and compile for seconds.
struct Params { m: u32, n: u32, k: u32, batches: u32, rows: u32, turns: u32, spans: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;
@group(0) @binding(2) var<storage, read> b: array<Quad>;

// Zero at first, as all workgroup memory is.
var<workgroup> sums: array<vec4f, WAITING * LANES>;

// Where a row's sums are.
fn slot(row: u32, lane: u32) -> u32 { return select(row * LANES, 0u, ONE_TURN) + lane; }

// A lane's columns of a span.
alias Blocks = array<mat4x4f, 8>;

// What one span adds to a row's sums: block l of the span is for the four k that lane l brings. They are handed around by shuffles, as lavapipe follows
// each broadcast by a move that asks whether the lane runs.
fn add_span(sum: vec4f, blocks: ptr<function, Blocks>, x: vec4f) -> vec4f {
  var total = add_row(sum, (*blocks)[0], subgroupShuffle(x, 0u));
  total = add_row(total, (*blocks)[1], subgroupShuffle(x, 1u));
  total = add_row(total, (*blocks)[2], subgroupShuffle(x, 2u));
  total = add_row(total, (*blocks)[3], subgroupShuffle(x, 3u));
  if (LANES == 8u) {
    total = add_row(total, (*blocks)[4], subgroupShuffle(x, 4u));
    total = add_row(total, (*blocks)[5], subgroupShuffle(x, 5u));
    total = add_row(total, (*blocks)[6], subgroupShuffle(x, 6u));
    total = add_row(total, (*blocks)[7], subgroupShuffle(x, 7u));
  }
  return total;
}

// Moves all blocks one place down. Written to by an index that is no constant, they would be stored lane by lane.
fn append(blocks: ptr<function, Blocks>, block: mat4x4f) {
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

// The rows of a tile: where top and bottom are, or those of its squares.
struct Rows { top: u32, bottom: u32, squares: Squares }

// Adds the first `count` spans, which start at `starts` along k, to the sums of all rows.
fn add_rows(rows: ptr<function, Rows>, blocks: ptr<function, array<Blocks, 4>>, starts: vec4u, count: u32, place: Place, lane: u32, ends: Ends) {
  var square = 0u;
  loop {
    var at = square * SIDE;
    var row = (*rows).top + select(square, (*rows).squares.numbers[square], SKIP) * SIDE;
    let end = min(row + SIDE, (*rows).bottom);
    loop {
      // All loads come first: lavapipe branches for every lane of a load, and one amid the arithmetic halves the speed.
      var x: array<vec4f, 4>;
      x[0] = load_a(place.z, row, starts[0] + 4u * lane);
      if (count >= 2u) { x[1] = load_a(place.z, row, starts[1] + 4u * lane); }
      if (count == 4u) {
        x[2] = load_a(place.z, row, starts[2] + 4u * lane);
        x[3] = load_a(place.z, row, starts[3] + 4u * lane);
      }
      var sum = vec4f();
      if (!ONE_TURN) { sum = sums[slot(at, lane)]; }
      sum = add_span(sum, &(*blocks)[0], x[0]);
      if (count >= 2u) { sum = add_span(sum, &(*blocks)[1], x[1]); }
      if (count == 4u) {
        sum = add_span(sum, &(*blocks)[2], x[2]);
        sum = add_span(sum, &(*blocks)[3], x[3]);
      }
      sums[slot(at, lane)] = sum;
      // Read back, so that LLVM does not spread the multiply-adds over the stores, which are branches, too.
      if (ONE_TURN) { write_row(place.z, row, place.column + 4u * lane, sums[slot(at, lane)], ends); }
      continuing {
        at++;
        row++;
        break if row >= end;
      }
    }
    continuing {
      square++;
      break if square >= (*rows).squares.kept;
    }
  }
}

// Tiles of a strip follow each other where they are of unequal work, as lavapipe gives each core one half of all.
fn find_place(index: u32) -> Place {
  if (!SKIP) { return place_of(index, params.m, params.n, params.rows, SIDE); }
  let turned = place_of(index, params.n, params.m, SIDE, params.rows);
  return Place(turned.z, turned.column, turned.row);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let place = find_place(linear_group(group, groups));
  if (place.z >= params.batches) { return; }
  let column = place.column + 4u * lane;
  let ends = ends_of(column);
  var span = find_span(0u, place.column, lane);

  var rows = Rows(place.row, min(place.row + params.rows, params.m), Squares());
  rows.squares.kept = (rows.bottom - rows.top + SIDE - 1u) / SIDE;
  if (SKIP) {
    rows = Rows(0u, params.m, Squares());
    find_squares(&rows.squares, place, lane, ends);
    if (rows.squares.kept == 0u) { return; }
  }

  // Loops end at their bottom: lavapipe runs the body of one that ends at its top once more, with all lanes masked off. Past the last span b is zero.
  var blocks: array<Blocks, 4>;
  var starts: vec4u; // of the spans, along k
  loop {
    var read = 0u;
    var found = 0u;
    loop {
      if (SPANS == 2u) { blocks[0] = blocks[1]; }
      if (SPANS == 4u) {
        blocks[0] = blocks[1];
        blocks[1] = blocks[2];
        blocks[2] = blocks[3];
      }
      starts = select(starts.yzww, starts.yyyy, SPANS == 2u);
      if (span.number < span_count()) { found++; }
      starts[SPANS - 1u] = span.number * SIDE;
      var turn = 0u;
      loop {
        append(&blocks[SPANS - 1u], load_block(place.z, span, column, turn, lane));
        continuing {
          turn++;
          break if turn == params.turns;
        }
      }
      span = find_span(span.number + 1u, place.column, lane);
      continuing {
        read++;
        break if read == params.spans;
      }
    }
    // Where a mask leaves spans out, the last turn is often less than half full.
    if (MASK_B && SPANS == 4u && found <= 2u) { add_rows(&rows, &blocks, starts, 2u, place, lane, ends); }
    else { add_rows(&rows, &blocks, starts, SPANS, place, lane, ends); }
    continuing {
      break if span.number >= span_count();
    }
  }
  if (!ONE_TURN) {
    for (var square = 0u; square < rows.squares.kept; square++) {
      let first = rows.top + select(square, rows.squares.numbers[square], SKIP) * SIDE;
      let end = min(first + SIDE, rows.bottom);
      if (OUT_TRANSPOSED) {
        for (var row = first; row < end; row += 4u) {
          let at = slot(square * SIDE + row - first, lane);
          let four = mat4x4f(sums[at], sums[at + LANES], sums[at + 2u * LANES], sums[at + 3u * LANES]);
          write_transposed(place.z, row, column, transpose(four));
        }
      } else {
        for (var row = first; row < end; row++) {
          write_row(place.z, row, column, sums[slot(square * SIDE + row - first, lane)], ends);
        }
      }
    }
  }
}
