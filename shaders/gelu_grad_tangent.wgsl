// How gelu's gradient follows its input: dx[i] = dy[i] * x_tangent[i] * gelu''(x[i])
#import elementwise
#import gelu

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> x_tangent: array<Value>;
@group(0) @binding(3) var<storage, read> dy: array<Value>;
@group(0) @binding(4) var<storage, read_write> dx: array<Value>;

fn apply(i: u32) { dx[i] = dy[i] * x_tangent[i] * gelu_curvature(x[i]); }
