// y[i] = value
#import elementwise
#import value

struct Params { start: u32, end: u32, value: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Value>;

fn apply(i: u32) { y[i] = Value(params.value); }
