// Bit i of keep = 1 where score i is above the threshold, or a tie past those that are pruned, for i from `first` up to `end`
// scores: f32 bits; keep: words of 32 bits. Bits outside of the range stay as they are.
#import grid
#import score_key
#import selection
#import keep_word

const GROUP = 64u;
const TURNS = 1u; // words an invocation

struct Params { first: u32, end: u32, firstBlock: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<vec4u>;
@group(0) @binding(2) var<storage, read> selection: Selection;
@group(0) @binding(3) var<storage, read_write> keep: array<u32>;

// Bits of the word's scores whose key is above `limit`.
fn above(word: u32, limit: u32) -> u32 {
  var bits = 0u;
  for (var part = 0u; part < 8u; part++) {
    let kept = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), score_keys(scores[word * 8u + part]) > vec4u(limit));
    bits |= (kept.x | kept.y | kept.z | kept.w) << (part * 4u);
  }
  return bits;
}

fn write(word: u32) {
  let range = in_range(word);
  if (range == 0u) { return; }
  let block = params.firstBlock + word / BLOCK_WORDS;
  let key = selection.key;
  var bits: u32;
  if (block != selection.boundary) {
    bits = above(word, select(key, key - 1u, block > selection.boundary));
  } else {
    var left = selection.boundary_ties;
    for (var before = word - word % BLOCK_WORDS; before < word; before++) {
      let ties = countOneBits((above(before, key - 1u) & ~above(before, key)) & in_range(before));
      left -= min(left, ties);
    }
    bits = above(word, key);
    var ties = above(word, key - 1u) & ~bits & range;
    for (; left > 0u && ties != 0u; left--) { ties &= ties - 1u; } // prunes the lowest
    bits |= ties;
  }
  write_word(word, bits, range);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * GROUP * TURNS + lane;
  for (var turn = 0u; turn < TURNS; turn++) { write(first + turn * GROUP); }
}
