// Bits of a mask (word i >> 5, bit i & 31 of element i) for one lane of elements.
fn lane_word(i: u32) -> u32 { return (i * LANES) >> 5u; }
fn lane_bits(word: u32, i: u32) -> LaneBits {
  return (LaneBits(word >> ((i * LANES) & 31u)) & LANE_BITS);
}
