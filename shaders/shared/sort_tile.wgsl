// One digit of a stable radix sort over tiles of GROUP * EACH keys. An invocation takes EACH neighbours, so that bins[digit * GROUP + lane], read
// digit by digit, are in the order of the sorted keys. Uses params.first, count and shift, and keys.
#import score_key
const GROUP = 128u;
const EACH = 16u;
const BITS = 4u;
const DIGITS = 1u << BITS;
const FIRST = false; // the first pass reads scores, later ones keys

var<workgroup> bins: array<u32, DIGITS * GROUP>;

fn digit_of(key: u32) -> u32 {
  return (key >> params.shift) & (DIGITS - 1u);
}

fn key_at(i: u32) -> u32 {
  let word = keys[params.first + i];
  if (FIRST) { return score_keys(vec4u(word)).x; }
  return word;
}

fn count_digits(start: u32, lane: u32) {
  for (var e = 0u; e < EACH; e++) {
    if (start + e < params.count) { bins[digit_of(key_at(start + e)) * GROUP + lane] += 1u; }
  }
}
