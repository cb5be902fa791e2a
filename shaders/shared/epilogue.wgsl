// The way of a finished sum to `out`: preactivation = sum + bias, out = residual + keep * gate * activation(preactivation).
// With SLOPE `residual` holds what an activation function was given, and the function's slope there times the sum takes the place of the sum.
// With SCORE `residual` holds weights w, and weight_term(sum, w) takes the place of the sum, which counts as zero where MASK_OUT has a zero bit.
// With ACCUMULATE everything is added to what out holds.
// out, preactivation and residual: batches x rows x columns. bias and gate: columns. out_mask: one bit an element of rows x columns, shared by all batches.
// Each part is compiled in by its constant; the buffer of an absent part is a placeholder that nobody reads. Takes storage bindings 3 to 8.
#import gelu
#import weight_term

alias Result = f32; // out, preactivation and residual in memory: f16

const BIAS = false;
const ACTIVATION = 0u; // 0 none, 1 relu, 2 gelu
const GATE = false;
const RESIDUAL = false;
const SLOPE = 0u; // as ACTIVATION
const SCORE = false;
const ACCUMULATE = false;
const PREACTIVATION = false;
const MASK_OUT = false;

@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> gate: array<f32>;
@group(0) @binding(6) var<storage, read> residual: array<Result>;
@group(0) @binding(7) var<storage, read_write> preactivation: array<Result>;
@group(0) @binding(8) var<storage, read_write> out: array<Result>;

fn kept(index: u32) -> bool {
  return ((mask[index >> 5u] >> (index & 31u)) & 1u) == 1u;
}

// What a column brings: the same for all of its rows.
fn bias_of(column: u32) -> f32 {
  if (BIAS) { return bias[column]; }
  return 0.0;
}

fn gate_of(column: u32) -> f32 {
  if (GATE) { return gate[column]; }
  return 1.0;
}

// `element` counts inside one matrix of the batch, which starts at `start`.
fn write_out(start: u32, element: u32, column: u32, sum: f32) {
  write_of_column(start, element, sum, bias_of(column), gate_of(column));
}

fn write_of_column(start: u32, element: u32, sum: f32, column_bias: f32, column_gate: f32) {
  var value = sum;
  if (SCORE) {
    if (MASK_OUT) { value = select(0.0, value, kept(element)); }
    value = weight_term(value, f32(residual[start + element]));
  }
  if (SLOPE == 1u) { value = select(0.0, value, f32(residual[start + element]) > 0.0); }
  if (SLOPE == 2u) { value *= gelu_gradient(f32(residual[start + element])); }
  if (BIAS) { value += column_bias; }
  if (PREACTIVATION) { preactivation[start + element] = Result(value); }
  if (ACTIVATION == 1u) { value = max(value, 0.0); }
  if (ACTIVATION == 2u) { value = gelu(value); }
  if (GATE) { value *= column_gate; }
  if (MASK_OUT && !SCORE) { value = select(0.0, value, kept(element)); }
  if (RESIDUAL) { value += f32(residual[start + element]); }
  if (ACCUMULATE) { value += f32(out[start + element]); }
  out[start + element] = Result(value);
}
