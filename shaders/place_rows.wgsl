// y[r, :] = x[source[r], :], zero where source[r] is NONE
// x: rows of `width` elements; source: u32, one for each row of y
#import elementwise
#import none
#import value

struct Params { start: u32, end: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

fn apply(i: u32) {
  let width = params.width / WIDTH;
  let row = source[i / width];
  if (row == NONE) {
    y[i] = Stored();
  } else {
    y[i] = x[row * width + i % width];
  }
}
