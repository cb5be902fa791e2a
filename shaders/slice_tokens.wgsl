// y[b, t, :] = x[b, first_token + t, :] for t < kept
// x: batch x tokens x width; y: batch x kept x width
#import elementwise
#import value

struct Params { start: u32, end: u32, tokens: u32, width: u32, first_token: u32, kept: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  let width = params.width / WIDTH;
  let slice = params.kept * width;
  y[i] = x[((i / slice) * params.tokens + params.first_token) * width + i % slice];
}
