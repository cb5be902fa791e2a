// sum[c] += sum over p of sums[p, c]; square[c] += sum over p of squares[p, c], in this order
// sums, squares: parts x columns; sum, square: columns. `columns` counts values of one or four elements.
#import elementwise
#import value

struct Params { start: u32, end: u32, columns: u32, parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<Value>;
@group(0) @binding(2) var<storage, read> squares: array<Value>;
@group(0) @binding(3) var<storage, read_write> sum: array<Value>;
@group(0) @binding(4) var<storage, read_write> square: array<Value>;

fn apply(i: u32) {
  var total = Value(0.0);
  var total_square = Value(0.0);
  for (var part = 0u; part < params.parts; part++) {
    total += sums[part * params.columns + i];
    total_square += squares[part * params.columns + i];
  }
  sum[i] += total;
  square[i] += total_square;
}
