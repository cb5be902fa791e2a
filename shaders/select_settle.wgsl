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

fn settle(index: u32, key: u32, rank: u32, equal: u32) {
  selections[index].key = key;
  selections[index].rank = rank;
  selections[index].equal = equal;
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
    settle(index, 0u, 0u, 1u);
    selections[index].complete = 1u;
    return;
  }
  if (lies_between(range, bracket.between, bracket.above)) {
    selections[index].bracketed = fits;
    selections[index].complete = fits;
    selections[index].below = fits * (range.count - bracket.above - bracket.between);
    return;
  }
  let low = selections[index].low;
  let high = selections[index].high;
  let rank = range.prune - 1u;
  let high_from = bracket.below + bracket.at_low + bracket.between;
  if (rank >= bracket.below && rank < bracket.below + bracket.at_low) {
    settle(index, low, rank - bracket.below, bracket.at_low);
    selections[index].complete = u32(low != high) * fits;
  } else if (rank >= high_from && rank < high_from + bracket.at_high) {
    settle(index, high, rank - high_from, bracket.at_high);
  }
}
