// out[b, t, :] = (t < prefix_tokens ? prefix[t, :] : patches[b, t - prefix_tokens, :]) + position[t, :]
// prefix: prefix_tokens x width; patches: batch x tokens x width; position and each out[b]: (prefix_tokens + tokens) x width.
#import elementwise
#import value

struct Params { start: u32, end: u32, tokens: u32, prefix_tokens: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> patches: array<Stored>;
@group(0) @binding(2) var<storage, read> prefix: array<Value>;
@group(0) @binding(3) var<storage, read> position: array<Value>;
@group(0) @binding(4) var<storage, read_write> out: array<Stored>;

fn apply(i: u32) {
  let prefix_size = params.prefix_tokens * params.width / WIDTH;
  let patches_size = params.tokens * params.width / WIDTH;
  let b = i / (prefix_size + patches_size);
  let at = i % (prefix_size + patches_size);
  if (at < prefix_size) {
    out[i] = Stored(prefix[at] + position[at]);
  } else {
    out[i] = Stored(Value(patches[b * patches_size + at - prefix_size]) + position[at]);
  }
}
