// y[i] = x[i] where bit i of the mask is 1; the others stay
// mask: one bit an element
#import elementwise
#import value
#import mask_bits

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  y[i] = select(y[i], x[i], mask_bits(mask[mask_word(i)], i) != Bits(0u));
}
