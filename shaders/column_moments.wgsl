// sums[part, c] = sum of x[r, c] - shift[c], squares[part, c] = sum of (x[r, c] - shift[c])^2 over the rows r of the part
// x: rows x columns; shift: columns; sums, squares: parts x columns, part p takes part_rows rows from p * part_rows. `columns` counts values of one or four elements.
// A workgroup has COLUMNS values of columns; LANES of its invocations share a column's rows and are summed in a fixed order.
#import grid
#import value
const COLUMNS = 32u;
const LANES = 8u;

struct Params { rows: u32, columns: u32, part_rows: u32, parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> shift: array<Value>;
@group(0) @binding(3) var<storage, read_write> sums: array<Value>;
@group(0) @binding(4) var<storage, read_write> squares: array<Value>;

var<workgroup> partial_sums: array<Value, COLUMNS * LANES>;
var<workgroup> partial_squares: array<Value, COLUMNS * LANES>;

@compute @workgroup_size(COLUMNS * LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let across = (params.columns + COLUMNS - 1u) / COLUMNS;
  let index = linear_group(group, groups);
  let part = index / across;
  let column = index % across * COLUMNS + lane % COLUMNS;
  let first = part * params.part_rows;
  let end = min(first + params.part_rows, params.rows);

  var sum = Value(0.0);
  var square = Value(0.0);
  if (part < params.parts && column < params.columns) {
    let origin = shift[column];
    for (var row = first + lane / COLUMNS; row < end; row += LANES) {
      let value = x[row * params.columns + column] - origin;
      sum += value;
      square += value * value;
    }
  }
  if (LANES > 1u) {
    partial_sums[lane] = sum;
    partial_squares[lane] = square;
    for (var width = LANES >> 1u; width > 0u; width = width >> 1u) {
      workgroupBarrier();
      if (lane < width * COLUMNS) {
        partial_sums[lane] += partial_sums[lane + width * COLUMNS];
        partial_squares[lane] += partial_squares[lane + width * COLUMNS];
      }
    }
    sum = partial_sums[lane];
    square = partial_squares[lane];
  }
  if (lane < COLUMNS && part < params.parts && column < params.columns) {
    sums[part * params.columns + column] = sum;
    squares[part * params.columns + column] = square;
  }
}
