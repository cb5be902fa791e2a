// Settles the selection of ranges whose threshold is one of the ends of the bracket. Elsewhere outside of it the selection stays as it is, and later
// passes look at all scores. One invocation a range.
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
  if (index >= params.ranges || selections[index].outside == 0u) { return; }
  let bracket = brackets[index];
  let low = selections[index].low;
  let high = selections[index].high;
  let rank = ranges[index].prune - 1u;
  let high_from = bracket.below + bracket.at_low + bracket.between;
  if (rank >= bracket.below && rank < bracket.below + bracket.at_low) {
    settle(index, low, rank - bracket.below, bracket.at_low);
    selections[index].complete = u32(low != high && selections[index].candidates == bracket.between);
  } else if (rank >= high_from && rank < high_from + bracket.at_high) {
    settle(index, high, rank - high_from, bracket.at_high);
  }
}
