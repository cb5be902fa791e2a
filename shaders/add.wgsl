// y[i] = a[i] + b[i]
#import elementwise
#import value

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Stored>;
@group(0) @binding(2) var<storage, read> b: array<Stored>;
@group(0) @binding(3) var<storage, read_write> y: array<Stored>;

fn apply(i: u32) { y[i] = Stored(Value(a[i]) + Value(b[i])); }
