// stays[b, t] = t < prefix_tokens, or fewer than `kept` tokens after the prefix come before t in the order of falling attention; equal ones by index
// attention, stays: batch x tokens. Attention as bits: of numbers that are not negative they have the numbers' order, and NaN its place above.
#import elementwise

struct Params { start: u32, end: u32, tokens: u32, prefix_tokens: u32, kept: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> attention: array<u32>;
@group(0) @binding(2) var<storage, read_write> stays: array<u32>;

fn apply(i: u32) {
  let first = i - i % params.tokens;
  let mine = attention[i];
  var before = 0u;
  for (var j = first + params.prefix_tokens; j < i; j++) { before += u32(attention[j] >= mine); }
  for (var j = i + 1u; j < first + params.tokens; j++) { before += u32(attention[j] > mine); }
  stays[i] = u32(i - first < params.prefix_tokens || before < params.kept);
}
