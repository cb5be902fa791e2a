// y[i] = a[i, i]
// a: n x n; y: n
#import elementwise

struct Params { start: u32, end: u32, n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn apply(i: u32) { y[i] = a[i * params.n + i]; }
