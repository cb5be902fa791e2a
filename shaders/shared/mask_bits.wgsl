// Bits of a mask (word i >> 5, bit i & 31 of element i) for the elements of value i. Uses WIDTH of value.wgsl.
alias Bits = u32; // vec4u
const BIT = 1u; // vec4u(1u, 2u, 4u, 8u)
fn mask_word(i: u32) -> u32 { return (i * WIDTH) >> 5u; }
fn mask_bits(word: u32, i: u32) -> Bits {
  return Bits(word >> ((i * WIDTH) & 31u)) & BIT;
}
