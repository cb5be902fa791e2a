// dx[b, t, :] = dy[b, :] / (end_token - first_token) for first_token <= t < end_token, else 0
// dy: batch x width; dx: batch x tokens x width
#import elementwise
#import value

struct Params { start: u32, end: u32, tokens: u32, width: u32, first_token: u32, end_token: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Value>;
@group(0) @binding(2) var<storage, read_write> dx: array<Value>;

fn apply(i: u32) {
  let width = params.width / WIDTH;
  let row = i / width;
  let t = row % params.tokens;
  var value = Value();
  if (t >= params.first_token && t < params.end_token) {
    value = dy[(row / params.tokens) * width + i % width] * (1.0 / f32(params.end_token - params.first_token));
  }
  dx[i] = value;
}
