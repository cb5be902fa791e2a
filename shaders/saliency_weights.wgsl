// score[offset + i] += term(a[i], w[i]): every weight is a unit
#import elementwise
#import value
#import saliency_term

struct Params { start: u32, end: u32, offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> score: array<Value>;

fn apply(i: u32) { score[params.offset / WIDTH + i] += saliency_term(a[i], w[i]); }
