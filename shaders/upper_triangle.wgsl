// x = 0 below the diagonal
// x: n x n. Values lie in one row; `n` counts elements.
#import elementwise
alias Value = array<f32, 1>; // vec4f
const WIDTH = 1u;

struct Params { start: u32, end: u32, n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<Value>;

fn apply(i: u32) {
  let row = i * WIDTH / params.n;
  let column = i * WIDTH % params.n;
  if (column >= row) { return; }
  var value = x[i];
  for (var c = 0u; c < WIDTH; c++) {
    if (column + c < row) { value[c] = 0.0; }
  }
  x[i] = value;
}
