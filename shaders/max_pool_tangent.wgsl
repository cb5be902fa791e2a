// y[plane, oy, ox] = x[plane, at[plane, oy, ox]]: what max pooling takes of x's tangent. x: planes x height x width; y, at: planes x windows.
#import elementwise

struct Params { start: u32, end: u32, windows: u32, pixels: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> at: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn apply(i: u32) { y[i] = x[i / params.windows * params.pixels + at[i]]; }
