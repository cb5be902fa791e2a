// From sums to the epilogue, by rows of a product of lanes; lane l has columns 4 l to 4 l + 3 of its tile.
// Importers declare params with m and n, and OUT_TRANSPOSED: out holds the transpose of what is summed, and the epilogue's columns are its rows.
#import across
#import epilogue

// What the epilogue takes of a lane's four columns, in values.
const VALUES = 4u / WIDTH;
struct Ends { bias: array<Value, VALUES>, gate: array<Value, VALUES> }

fn ends_of(column: u32) -> Ends {
  var ends: Ends;
  if (OUT_TRANSPOSED) { return ends; }
  for (var i = 0u; i < VALUES; i++) {
    ends.bias[i] = bias_of(column / WIDTH + i);
    ends.gate[i] = gate_of(column / WIDTH + i);
  }
  return ends;
}

fn write_row(z: u32, row: u32, column: u32, sum: vec4f, ends: Ends) {
  for (var i = 0u; i < VALUES; i++) {
    if (column + i * WIDTH < params.n) {
      let at = (row * params.n + column) / WIDTH + i;
      write_of_column(z * params.m * params.n / WIDTH, at, value_of(sum, i * WIDTH), ends.bias[i], ends.gate[i]);
    }
  }
}

// Rows row to row + 3 of a lane's columns, which are four neighbours in a row of out each.
fn write_transposed(z: u32, row: u32, column: u32, four: mat4x4f) {
  for (var line = 0u; line < 4u; line++) {
    for (var i = 0u; i < VALUES; i++) {
      if (column + line < params.n && row + i * WIDTH < params.m) {
        let at = ((column + line) * params.m + row) / WIDTH + i;
        write_out(z * params.m * params.n / WIDTH, at, row / WIDTH + i, value_of(four[line], i * WIDTH));
      }
    }
  }
}
