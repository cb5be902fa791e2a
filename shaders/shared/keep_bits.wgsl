// Writes words of keep bits that ranges may share. Uses params.start, the score at which the binding of the scores starts, and keep.

// Bits outside of `range` stay as they are.
fn write_bits(word: u32, bits: u32, range: u32) {
  let at = params.start / 32u + word;
  if (range == 0xffffffffu) {
    atomicStore(&keep[at], bits);
  } else if (range != 0u) {
    atomicAnd(&keep[at], bits | ~range);
    atomicOr(&keep[at], bits & range);
  }
}
