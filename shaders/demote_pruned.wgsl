// scores[i] = -inf where unit i is pruned already, so that it is pruned again before any other
// scores: f32 as bits (a score is never computed with here); keep: one bit a unit
#import elementwise
#import value
#import mask_bits
const NEGATIVE_INFINITY = 0xff800000u;

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read_write> scores: array<Bits>;

fn apply(i: u32) {
  scores[i] = select(Bits(NEGATIVE_INFINITY), scores[i], mask_bits(keep[mask_word(i)], i) != Bits(0u));
}
