// y[i] = gelu(x[i]), or max(x[i], 0) with RELU
#import elementwise
#import gelu
const RELU = false;

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read_write> y: array<Stored>;

fn apply(i: u32) {
  let value = Value(x[i]);
  if (RELU) { y[i] = Stored(max(value, Value(0.0))); } else { y[i] = Stored(gelu(value)); }
}
