// Words of keep bits of the scores from params.first up to params.end. Uses keep.

// Bits of the word's scores that lie in the range.
fn in_range(word: u32) -> u32 {
  let start = word * 32u;
  if (start + 32u <= params.first || start >= params.end) { return 0u; }
  var bits = 0xffffffffu;
  if (start < params.first) { bits = bits << (params.first - start); }
  if (start + 32u > params.end) { bits &= 0xffffffffu >> (start + 32u - params.end); }
  return bits;
}

// Bits outside of `range` stay as they are.
fn write_word(word: u32, bits: u32, range: u32) {
  if (range == 0xffffffffu) { keep[word] = bits; } else { keep[word] = (bits & range) | (keep[word] & ~range); }
}
