// Selection in many ranges of scores at once.

// What is wanted of a range, and where its parts of shared buffers lie.
struct Range {
  count: u32, prune: u32,          // scores, and those to prune
  all_ties: u32,                   // 1: every score that equals the largest pruned one goes too
  stride: u32,                     // one score of so many is sampled
  sample: u32, samples: u32,       // first, number
  low: u32, high: u32,             // ranks in the sample that very likely enclose the threshold; OPEN: there is no such end
  candidates: u32, capacity: u32,  // first, number
  block: u32, blocks: u32          // first, number
}

// Scores `first` up to `end`, counted from the start of the binding, of a range: the work of a workgroup. Block and sample are its first ones.
struct Tile { range: u32, first: u32, end: u32, block: u32, sample: u32 }

// What the passes of a selection hand on. All zero at the start.
struct Selection {
  low: u32, high: u32, // keys that very likely enclose the threshold's
  origin: u32,         // digits are those of keys less this one
  width: u32,          // bits of the largest such difference
  key: u32,            // leading digits of the threshold that are known; its key when settled
  rank: u32,           // place of the threshold among the keys that share these digits
  equal: u32,          // keys that share these digits
  settled: u32,        // 1 when the key is known
  bracketed: u32,      // 1 when the threshold is among the candidates
  candidates: u32,     // their number
  below: u32,          // scores below all candidates
  last: u32,           // the last candidate tied with the threshold that is pruned, as its place in the arena
  end: u32,            // the end of the bracket that the threshold is, which says where its ties are: LOW_END, HIGH_END or NO_END
  complete: u32,       // 1 when the candidates' bits are all that is left to write
  boundary: u32,       // ties in blocks before this one are pruned, in blocks after it kept
  boundary_ties: u32   // ties to prune in the block itself
}

// Scores of a range by their place to the bracket: between its keys, from the high key on, at the low key, at the high key.
struct Bracket { between: u32, above: u32, at_low: u32, at_high: u32 }

// Whether the threshold is one of the scores between the keys of its bracket.
fn lies_between(range: Range, between: u32, above: u32) -> bool {
  let below = range.count - above - between;
  return range.prune > below && range.prune <= below + between;
}

const DIGIT_BITS = 11u;

// Bits of a key, less the origin, from digit number `digit` down, where 0 is the leading one.
fn bits_left_from(digit: u32, selection: Selection) -> u32 {
  return selection.width - min(selection.width, DIGIT_BITS * digit);
}

const OPEN = 0xffffffffu;
const NO_END = 0u;
const LOW_END = 1u;
const HIGH_END = 2u;
const NO_BOUNDARY = 0xffffffffu; // all ties are pruned
const BLOCK_WORDS = 64u; // of 32 scores

// Whether only some of the scores that equal the threshold are to be pruned.
fn splits(range: Range, selection: Selection) -> bool {
  return range.prune > 0u && range.all_ties == 0u && selection.rank + 1u != selection.equal;
}
