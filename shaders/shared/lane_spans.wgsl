// Spans of op(b) along k, SIDE long, and which of them a mask keeps anything of.
// Importers declare what lane_operands.wgsl asks for, and SIDE.
#import bits_from
#import lane_operands

fn span_count() -> u32 { return (params.k + SIDE - 1u) / SIDE; }

// SIDE bits of each of a lane's four rows of a square of a masked matrix in memory.
fn square_bits(row: u32, column: u32, rows: u32, columns: u32, lane: u32) -> vec4u {
  let count = min(SIDE, columns - column);
  var bits = vec4u();
  for (var i = 0u; i < 4u; i++) {
    let at = row + 4u * lane + i;
    if (at < rows) { bits[i] = bits_from(at * columns + column, count); }
  }
  return bits;
}

struct Span { number: u32, bits: vec4u }

// The first span from `first` on of which the mask keeps anything.
fn find_span(first: u32, column: u32, lane: u32) -> Span {
  var span = Span(first, vec4u());
  if (!MASK_B) { return span; }
  for (; span.number < span_count(); span.number++) {
    let k = span.number * SIDE;
    if (B_TRANSPOSED) { span.bits = square_bits(column, k, params.n, params.k, lane); }
    else { span.bits = square_bits(k, column, params.k, params.n, lane); }
    if (subgroupAny(any(span.bits != vec4u()))) { break; }
  }
  return span;
}

// The block of a span that turn `turn` brings.
fn load_block(z: u32, span: Span, column: u32, turn: u32, lane: u32) -> mat4x4f {
  var bits = span.bits;
  if (MASK_B) {
    if (B_TRANSPOSED) { bits >>= vec4u(4u * turn); }
    else { bits = subgroupShuffle(bits, turn) >> vec4u(4u * lane); }
  }
  return load_b(z, span.number * SIDE + 4u * turn, column, bits);
}
