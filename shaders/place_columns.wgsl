// y[r, c] = x[r, source[c]] where source[c] < x_columns, else 0: takes columns out of rows, or spreads them over wider ones
// x: rows x x_columns; y: rows x y_columns; source: y_columns
#import elementwise

struct Params { start: u32, end: u32, x_columns: u32, y_columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn apply(i: u32) {
  let column = source[i % params.y_columns];
  let place = min(column, params.x_columns - 1u); // what select does not take is read all the same
  y[i] = select(0.0, x[(i / params.y_columns) * params.x_columns + place], column < params.x_columns);
}
