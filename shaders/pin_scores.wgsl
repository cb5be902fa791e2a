// scores[i] = SCORE, which ranks outside of all scores, where unit i has keep bit KEPT
// scores: f32 as bits (a score is never computed with here); keep: one bit a unit
#import elementwise
#import value
#import mask_bits
#import score_key
const SCORE = PRUNED_SCORE;
const KEPT = false;

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read_write> scores: array<Bits>;

fn apply(i: u32) {
  let word = keep[mask_word(i)];
  let pinned = mask_bits(select(~word, word, KEPT), i) != Bits(0u);
  scores[i] = select(scores[i], Bits(SCORE), pinned);
}
