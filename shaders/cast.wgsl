// y[i] = x[i] in another storage: f16 widened exactly, or f32 rounded to f16
#import elementwise
#import value
alias Source = Value; // f16 or vec4h

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Source>;
@group(0) @binding(2) var<storage, read_write> y: array<Stored>;

fn apply(i: u32) { y[i] = Stored(Value(x[i])); }
