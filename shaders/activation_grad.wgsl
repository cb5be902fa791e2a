// dx[i] = dy[i] * gelu'(x[i]), or dy[i] where x[i] > 0 with RELU
#import elementwise
#import gelu
const RELU = false;

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> dy: array<Value>;
@group(0) @binding(3) var<storage, read_write> dx: array<Value>;

fn slope(x: Value) -> Value {
  if (RELU) { return select(Value(0.0), Value(1.0), x > Value(0.0)); }
  return gelu_gradient(x);
}

fn apply(i: u32) { dx[i] = dy[i] * slope(x[i]); }
