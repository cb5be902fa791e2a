// y[i] = a[i] + b[i]
#import elementwise
#import value

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> b: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn apply(i: u32) { y[i] = a[i] + b[i]; }
