// The layer norm of layer_norm.wgsl for short rows, for drivers that run a subgroup as one vector of the CPU: x is read once. COLUMNS counts vec4.
//
//           columns of x           One workgroup is one subgroup of LANES invocations and takes EACH rows, one after the other. Of a row, lane l holds
//       ┌────┬────┬─   ─┬────┐     vec4 l, LANES + l, ..., HELD of them, from the load to the store. Those of weight and bias stay for all of the rows.
//  row  │ l0 │ l1 │ ... │ l7 │
//       └────┴────┴─   ─┴────┘
#import held_row
#import grid
const EACH = 64u;

struct Params { rows: u32, columns: u32, count: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> bias: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Stored>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  var row = linear_group(group, groups) * EACH;
  let last_row = min(row + EACH, params.rows);
  if (row >= last_row) { return; }
  let share = 1.0 / params.count;
  let zeros = params.count - f32(COLUMNS * WIDTH);

  var weights = Held();
  var biases = Held();
  for (var i = lane; i < params.columns; i += LANES) {
    weights[i / LANES] = weight[i];
    biases[i / LANES] = bias[i];
  }
  loop {
    let start = row * COLUMNS;
    let end = start + params.columns;
    var parts = array<Part, PARTS>();
    var total = Value();
    var at = start + lane;
    loop {
      for (var p = 0u; p + 1u < PARTS; p++) { parts[p] = parts[p + 1u]; }
      var part = Part();
      for (var h = 0u; h < PART; h++) { part[h] = Value(x[nearest(at + h * LANES, end)]); }
      for (var h = 0u; h < PART; h++) { total += select(Value(), part[h], HELD * LANES == COLUMNS || at + h * LANES < end); }
      parts[PARTS - 1u] = part;
      at += PART * LANES;
      if (PARTS == 1u || at >= end + lane) { break; }
    }
    let center = row_sum(total) * share;
    var held = Held();
    var squares = Value();
    for (var h = 0u; h < HELD; h++) {
      held[h] = select(Value(), parts[h / PART][h % PART] - center, in_row(h, lane));
      squares += held[h] * held[h];
    }
    let variance = (row_sum(squares) + zeros * center * center) * share;
    let scale = inverseSqrt(variance + params.epsilon);
    if (lane == 0u) {
      mean[row] = center;
      rstd[row] = scale;
    }
    for (var h = 0u; h < HELD; h++) {
      if (in_row(h, lane)) { y[start + h * LANES + lane] = Stored(held[h] * scale * weights[h] + biases[h]); }
    }
    continuing {
      row++;
      break if row >= last_row;
    }
  }
}
