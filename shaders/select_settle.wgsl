// Says where the threshold of a range lies: among the candidates, which settles where to look for it, or at an end of the bracket, which settles what it
// is. Elsewhere the selection stays as it is, and later passes look at all scores. One invocation a range.
#import grid
#import selection

const GROUP = 64u;

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> brackets: array<Bracket>;
@group(0) @binding(2) var<storage, read> ranges: array<Range>;
@group(0) @binding(3) var<storage, read_write> selections: array<Selection>;

fn settle(index: u32, key: u32, rank: u32, equal: u32, end: u32) {
  selections[index].key = key;
  selections[index].rank = rank;
  selections[index].equal = equal;
  selections[index].end = end;
  selections[index].settled = 1u;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * GROUP + lane;
  if (index >= params.ranges) { return; }
  let range = ranges[index];
  let bracket = brackets[index];
  let fits = u32(bracket.between <= range.capacity);
  selections[index].candidates = min(bracket.between, range.capacity);
  if (range.prune == 0u) { // no score has the key 0
    settle(index, 0u, 0u, 1u, NO_END);
    selections[index].complete = 1u;
    return;
  }
  let low = selections[index].low;
  let high = selections[index].high;
  selections[index].width = 32u;
  if (lies_between(range, bracket.between, bracket.above)) {
    if (fits == 1u) { // keys between the ends differ in few bits
      let width = min(firstLeadingBit(high - low) + 2u, 32u);
      let shift = width - min(width, DIGIT_BITS);
      selections[index].width = width;
      selections[index].origin = (low >> shift) << shift; // so that no key with the first digit of zeros is smaller than theirs
    }
    selections[index].bracketed = fits;
    selections[index].complete = fits;
    selections[index].below = fits * (range.count - bracket.above - bracket.between);
    return;
  }
  let rank = range.prune - 1u;
  let at_low = select(bracket.at_low, 0u, low == high); // else they are among those at the high key
  let low_end = range.count - bracket.above - bracket.between;
  let low_from = low_end - at_low;
  let high_from = range.count - bracket.above;
  if (rank >= low_from && rank < low_end) {
    settle(index, low, rank - low_from, at_low, select(NO_END, LOW_END, fits == 1u));
    selections[index].complete = fits;
  } else if (rank >= high_from && rank < high_from + bracket.at_high) {
    settle(index, high, rank - high_from, bracket.at_high, HIGH_END);
  }
}
