// y[i] = values[r] for the range r in which i lies: starts[r] <= i < starts[r + 1]
// starts: ascending, the first 0; values: one a range
#import elementwise

struct Params { start: u32, end: u32, ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

fn apply(i: u32) {
  var low = 0u;
  var high = params.ranges;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (starts[middle] <= i) { low = middle; } else { high = middle; }
  }
  y[i] = values[low];
}
