// y[r] = x[first + permutation[count - 1 - r]]: what belongs to the scores, from the largest score to the smallest
// permutation, y: count. With NONNEGATIVE, x are f32, and negative ones and NaNs become 0.
#import elementwise
const NONNEGATIVE = false;

struct Params { start: u32, end: u32, first: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> permutation: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

fn apply(r: u32) {
  let value = x[params.first + permutation[params.count - 1u - r]];
  y[r] = select(value, 0u, NONNEGATIVE && value > 0x7f800000u);
}
