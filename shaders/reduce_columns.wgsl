// y[part, c] = scale * sum of x[r, c] over the rows r of the part; max with MAX, terms x * w with PRODUCT, square root of it all with ROOT
// x, w: rows x columns; y: ceil(rows / ROWS) x columns, part p takes ROWS rows from p * ROWS. `columns` counts values of one or four elements.
// One invocation a value of y.
#import grid
#import value
const GROUP = 64u;
const ROWS = 64u;
const MAX = false;
const PRODUCT = false;
const ROOT = false;

struct Params { rows: u32, columns: u32, count: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn term(i: u32) -> Value {
  if (PRODUCT) { return x[i] * w[i]; }
  return x[i];
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = linear_group(group, groups) * GROUP + lane;
  if (item >= params.count) { return; }
  let first = (item / params.columns) * ROWS;
  let c = item % params.columns;
  let rows = min(ROWS, params.rows - first);
  var result = term(first * params.columns + c);
  for (var r = 1u; r < rows; r++) {
    let value = term((first + r) * params.columns + c);
    if (MAX) { result = max(result, value); } else { result += value; }
  }
  if (ROOT) { result = sqrt(result); }
  y[item] = params.scale * result;
}
