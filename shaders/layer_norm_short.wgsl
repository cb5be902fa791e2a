// The layer norm of layer_norm.wgsl for short rows, for drivers that run a subgroup as one vector of the CPU: x is read once. `columns` counts vec4.
//
//           columns of x           One workgroup is one subgroup of LANES invocations and takes EACH rows, one after the other. Of a row, lane l holds
//       ┌────┬────┬─   ─┬────┐     vec4 l, LANES + l, ... in registers, HELD of them, from the load to the store. Those of weight and bias stay for
//  row  │ l0 │ l1 │ ... │ l7 │     all of the rows.
//       └────┴────┴─   ─┴────┘
enable subgroups;
diagnostic(off, subgroup_uniformity);
#import grid
#import across
const LANES = 8u;
const HELD = 2u; // ceil(columns / LANES)
const EACH = 32u;

struct Params { rows: u32, columns: u32, count: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> bias: array<Value>;
@group(0) @binding(4) var<storage, read_write> y: array<Stored>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

alias Held = array<Value, HELD>;

// Whether the row has what is held at h: only at the end may it be too short for all lanes.
fn in_row(h: u32, lane: u32) -> bool { return h + 1u < HELD || h * LANES + lane < params.columns; }

fn row_sum(value: Value) -> f32 {
  var sum = sum_across(value);
  sum += subgroupShuffleXor(sum, 1u);
  sum += subgroupShuffleXor(sum, 2u);
  sum += subgroupShuffleXor(sum, 4u);
  return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  var row = linear_group(group, groups) * EACH;
  let end = min(row + EACH, params.rows);
  if (row >= end) { return; }
  let zeros = params.count - f32(params.columns * WIDTH);

  var weights = Held();
  var biases = Held();
  for (var i = lane; i < params.columns; i += LANES) { // not unrolled: it is loads that lavapipe compiles for long
    weights[i / LANES] = weight[i];
    biases[i / LANES] = bias[i];
  }
  loop {
    let start = row * params.columns;
    var held = Held();
    var total = Value();
    for (var h = 0u; h < HELD; h++) {
      held[h] = Value(x[start + min(h * LANES + lane, params.columns - 1u)]);
      total += select(Value(), held[h], in_row(h, lane));
    }
    let center = row_sum(total) / params.count;
    var squares = Value();
    for (var h = 0u; h < HELD; h++) {
      held[h] = select(Value(), held[h] - center, in_row(h, lane));
      squares += held[h] * held[h];
    }
    let variance = (row_sum(squares) + zeros * center * center) / params.count;
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
      break if row >= end;
    }
  }
}
