// y[i] = scale * x[(i / inner) % period]
#import elementwise
#import value
#import unit

struct Params { start: u32, end: u32, inner: u32, period: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Unit>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn apply(i: u32) { y[i] = Value(params.scale * x[unit_index(i, params.inner, params.period)]); }
