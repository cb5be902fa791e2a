// y[first + permutation[count - 1 - r]] = x[r], the way back of gather_ranked
// x, permutation: count
#import elementwise

struct Params { start: u32, end: u32, first: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> permutation: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

fn apply(r: u32) {
  y[params.first + permutation[params.count - 1u - r]] = x[r];
}
