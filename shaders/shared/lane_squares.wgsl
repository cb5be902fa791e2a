// Squares of out, SIDE x SIDE, of which a mask keeps anything, and zeros for the others.
// Importers declare what lane_results.wgsl asks for, params with rows, SIDE, and SQUARES.
#import lane_results
#import lane_spans
#import matmul_place

// Writes rows of an empty square. Their sums are zero as a constant, so that no bits are read where nothing is added.
fn write_empty(z: u32, first: u32, end: u32, column: u32, ends: Ends) {
  var row = first;
  loop {
    if (OUT_TRANSPOSED) { write_transposed(z, row, column, mat4x4f()); }
    else { write_row(z, row, column, vec4f(), ends); }
    continuing {
      row += select(1u, 4u, OUT_TRANSPOSED);
      break if row >= end;
    }
  }
}

// Numbers of the squares of a strip of out that a tile computes, from the top.
struct Squares { numbers: array<u32, SQUARES>, kept: u32 }

// Kept squares are counted along the strip, and of these a tile takes as many as it has squares; of the empty ones it writes those in its own place.
fn find_squares(squares: ptr<function, Squares>, place: Place, lane: u32, ends: Ends) {
  let first = place.row / SIDE;
  let most = params.rows / SIDE;
  var found = 0u;
  for (var square = 0u; square * SIDE < params.m; square++) {
    var bits = vec4u();
    if (OUT_TRANSPOSED) { bits = square_bits(place.column, square * SIDE, params.n, params.m, lane); }
    else { bits = square_bits(square * SIDE, place.column, params.m, params.n, lane); }
    if (subgroupAny(any(bits != vec4u()))) {
      if (found >= first && found < first + most) {
        (*squares).numbers[(*squares).kept] = square;
        (*squares).kept++;
      }
      found++;
    } else if (square >= first && square < first + most) {
      write_empty(place.z, square * SIDE, min(square * SIDE + SIDE, params.m), place.column + 4u * lane, ends);
    }
  }
}
