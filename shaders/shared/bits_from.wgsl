// Runs of bits of a mask. The file that imports it binds `mask`: array<u32>, where element i's bit is bit i & 31 of word i >> 5.
const STRADDLE = true; // whether a run may lie in two words
fn bits_from(element: u32, count: u32) -> u32 { // count: 1 to 32
  let word = element >> 5u;
  let shift = element & 31u;
  var bits = mask[word] >> shift;
  if (STRADDLE && shift + count > 32u) { bits |= mask[word + 1u] << (32u - shift); }
  return bits & (0xffffffffu >> (32u - count));
}
