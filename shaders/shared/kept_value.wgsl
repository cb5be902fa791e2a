// Values whose components are taken singly, and what a mask keeps of them. mask: one bit an element, 1 = keep; all elements of a value in one word.
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;

// Bits of the elements of value i, from bit 0 on.
fn mask_of(i: u32) -> u32 { return mask[(i * WIDTH) >> 5u] >> ((i * WIDTH) & 31u); }

fn kept(value: Value, bits: u32) -> Value {
  var result = value;
  for (var c = 0u; c < WIDTH; c++) { result[c] = select(0.0, value[c], ((bits >> c) & 1u) == 1u); }
  return result;
}
