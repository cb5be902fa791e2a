// Bit i of bits = x[i] > 0; bits past the end are 0
// bits: ceil(length / 32) words, one a call of apply. `length` counts values of x.
#import elementwise
#import value
#import mask_bits
const VALUES = 32u / WIDTH; // a word

struct Params { start: u32, end: u32, length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;

fn apply(word: u32) {
  var found = 0u;
  for (var v = 0u; v < VALUES; v++) {
    let i = word * VALUES + v;
    if (i < params.length) {
      let positive = vec4u(select(Bits(0u), Bits(BIT), x[i] > Value(0.0)));
      found |= (positive.x | positive.y | positive.z | positive.w) << (v * WIDTH);
    }
  }
  bits[word] = found;
}
