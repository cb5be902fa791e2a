// y[r, c] = x[r, source[c]] where source[c] < x_columns, zero where it is NONE: takes columns out of rows, or spreads them over wider ones
// x: rows x x_columns; y: rows x y_columns; source: y_columns. A workgroup takes ROWS rows; its invocations lie along the columns.
#import grid
alias Stored = f32; // f16
const GROUP = 64u;
const ROWS = 8u;

struct Params { rows: u32, x_columns: u32, y_columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * ROWS;
  let end = min(first + ROWS, params.rows);
  for (var c = lane; c < params.y_columns; c += GROUP) {
    let column = source[c];
    let place = min(column, params.x_columns - 1u); // what select does not take is read all the same
    for (var row = first; row < end; row++) {
      let value = x[row * params.x_columns + place];
      y[row * params.y_columns + c] = select(Stored(), value, column < params.x_columns);
    }
  }
}
