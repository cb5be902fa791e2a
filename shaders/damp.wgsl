// y = a + damping * mean * I; with LOWER zero above the diagonal
// a, y: n x n; mean: 1, that of a's diagonal. Values lie in one row; `n` counts elements.
#import elementwise
alias Value = array<f32, 1>; // vec4f
const WIDTH = 1u;
const LOWER = false;

struct Params { start: u32, end: u32, n: u32, damping: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  let row = i * WIDTH / params.n;
  let column = i * WIDTH % params.n;
  var value = a[i];
  for (var c = 0u; c < WIDTH; c++) {
    if (column + c == row) { value[c] += params.damping * mean[0]; }
    if (LOWER && column + c > row) { value[c] = 0.0; }
  }
  y[i] = value;
}
