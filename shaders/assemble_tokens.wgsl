// out[b, t, :] = (t < prefix_tokens ? prefix[t, :] : patches[b, t - prefix_tokens, :]) + position[t, :]
// prefix: prefix_tokens x width; patches: batch x tokens x width; position and each out[b]: (prefix_tokens + tokens) x width.
#import elementwise
#import value

// Extents: constants, as quotients by what is known at run time only are slow on lavapipe.
const TOKENS = 196u;
const PREFIX_TOKENS = 1u;
const ACROSS = 192u;

const PATCH_VALUES = TOKENS * ACROSS / WIDTH;
const PREFIX_VALUES = PREFIX_TOKENS * ACROSS / WIDTH;
const VALUES = PREFIX_VALUES + PATCH_VALUES; // of one out[b]

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> patches: array<Stored>;
@group(0) @binding(2) var<storage, read> prefix: array<Value>;
@group(0) @binding(3) var<storage, read> position: array<Value>;
@group(0) @binding(4) var<storage, read_write> out: array<Stored>;

fn apply(i: u32) {
  let at = i % VALUES;
  if (at < PREFIX_VALUES) {
    out[i] = Stored(prefix[at] + position[at]);
  } else {
    out[i] = Stored(Value(patches[(i / VALUES) * PATCH_VALUES + at - PREFIX_VALUES]) + position[at]);
  }
}
