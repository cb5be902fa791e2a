// y[offset + i] = term(i); with ACCUMULATE combined with what is there
#import elementwise
#import value
#import term
#import combine

struct Params { start: u32, end: u32, offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Value>;

fn apply(i: u32) {
  let at = params.offset / WIDTH + i;
  var value = term(i);
  if (ACCUMULATE) { value = combine(y[at], value); }
  y[at] = value;
}
