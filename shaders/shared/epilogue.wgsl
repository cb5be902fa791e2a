// The way of a finished sum to `out`: preactivation = sum + bias, out = residual + keep * gate * activation(preactivation).
// With GATE_FIRST the gate is multiplied before the activation instead, into preactivation.
// With SLOPE `residual` holds what an activation function was given, and the function's slope there times the sum takes the place of the sum but in
// preactivation.
// With SCORE `residual` holds weights w, and weight_term(sum, w) takes the place of the sum, which counts as zero where MASK_OUT has a zero bit.
// With ACCUMULATE everything is added to what out holds.
// out, preactivation and residual: batches x rows x columns. bias and gate: columns. out_mask: one bit an element of rows x columns, shared by all batches.
// Each part is compiled in by its constant; the buffer of an absent part is a placeholder that nobody reads. Takes storage bindings 3 to 8.
// It goes by values: one element, or four where rows are whole vec4 and value.wgsl's lines are swapped; places in memory are counted in those, too.
#import gelu
#import mask_bits
#import weight_term

alias Result = Value; // out, preactivation and residual in memory: f16 or vec4h

const BIAS = false;
const ACTIVATION = 0u; // 0 none, 1 relu, 2 gelu
const GATE = false;
const GATE_FIRST = false;
const RESIDUAL = false;
const SLOPE = 0u; // as ACTIVATION
const SCORE = false;
const ACCUMULATE = false;
const PREACTIVATION = false;
const MASK_OUT = false;

@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<Value>;
@group(0) @binding(5) var<storage, read> gate: array<Value>;
@group(0) @binding(6) var<storage, read> residual: array<Result>;
@group(0) @binding(7) var<storage, read_write> preactivation: array<Result>;
@group(0) @binding(8) var<storage, read_write> out: array<Result>;

// What a column brings: the same for all of its rows.
fn bias_of(column: u32) -> Value {
  if (BIAS) { return bias[column]; }
  return Value();
}

fn gate_of(column: u32) -> Value {
  if (GATE) { return gate[column]; }
  return Value(1.0);
}

fn if_kept(value: Value, place: u32) -> Value {
  return select(Value(), value, mask_bits(mask[mask_word(place)], place) != Bits());
}

// `place` counts inside one matrix of the batch, which starts at `start`.
fn write_out(start: u32, place: u32, column: u32, sum: Value) {
  write_of_column(start, place, sum, bias_of(column), gate_of(column));
}

fn write_of_column(start: u32, place: u32, sum: Value, column_bias: Value, column_gate: Value) {
  let at = start + place;
  var value = sum;
  if (SCORE) {
    if (MASK_OUT) { value = if_kept(value, place); }
    value = weight_term(value, Value(residual[at]));
  }
  if (PREACTIVATION && SLOPE != 0u) { preactivation[at] = Result(value); }
  if (SLOPE == 1u) { value = select(Value(), value, Value(residual[at]) > Value()); }
  if (SLOPE == 2u) { value *= gelu_gradient(Value(residual[at])); }
  if (BIAS) { value += column_bias; }
  if (GATE && GATE_FIRST) { value *= column_gate; }
  if (PREACTIVATION && SLOPE == 0u) { preactivation[at] = Result(value); }
  if (ACTIVATION == 1u) { value = max(value, Value()); }
  if (ACTIVATION == 2u) { value = gelu(value); }
  if (GATE && !GATE_FIRST) { value *= column_gate; }
  if (MASK_OUT && !SCORE) { value = if_kept(value, place); }
  if (RESIDUAL) { value += Value(residual[at]); }
  if (ACCUMULATE) { value += Value(out[at]); }
  out[at] = Result(value);
}
