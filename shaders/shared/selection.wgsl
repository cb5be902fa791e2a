// What the passes of a selection hand on. All zero at the start.
struct Selection {
  key: u32,          // leading bits of the threshold's key that are known; all of them at the end
  rank: u32,         // place of the threshold among the keys that share these bits
  equal: u32,        // keys that share these bits
  settled: u32,      // 1 when the key is complete before the last digit
  bracketed: u32,    // 1 when the threshold is among the candidates
  candidates: u32,   // their number
  below: u32,        // scores below all candidates
  boundary: u32,     // ties in blocks before this one are pruned, in blocks after it kept
  boundary_ties: u32 // ties to prune in the block itself
}

const NO_BOUNDARY = 0xffffffffu; // all ties are pruned
const BLOCK_WORDS = 64u; // of 32 scores
