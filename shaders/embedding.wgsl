// y[i, :] = table[ids[i], :]
// table: rows x width; ids: u32, each below rows; y: one row for each id
#import elementwise
#import value

struct Params { start: u32, end: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<Value>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  let width = params.width / WIDTH;
  y[i] = table[ids[i / width] * width + i % width];
}
