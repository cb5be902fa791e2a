// Bit i of bits = x[i] > 0; bits past length are 0
// bits: ceil(length / 32) words, which are the values here
#import elementwise

struct Params { start: u32, end: u32, length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;

fn apply(word: u32) {
  let first = word * 32u;
  var found = 0u;
  for (var b = 0u; b < 32u; b++) {
    let i = min(first + b, params.length - 1u);
    found |= select(0u, 1u << b, x[i] > 0.0 && first + b < params.length);
  }
  bits[word] = found;
}
