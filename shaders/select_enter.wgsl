// Says where in a bracket the threshold of the given rank lies: at one of its ends, which settles the selection, or among the candidates.
// Outside of the bracket, or with more candidates than fit, the selection stays as it is, and later passes look at all scores.
// bracket: [below, at low, between, at high]. One invocation.
#import score_key
#import selection

struct Params { rank: u32, capacity: u32, highOpen: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bracket: array<u32, 4>;
@group(0) @binding(2) var<storage, read> low: Selection;
@group(0) @binding(3) var<storage, read> high: Selection;
@group(0) @binding(4) var<storage, read_write> selection: Selection;

fn settle(key: u32, rank: u32, equal: u32) {
  selection.key = key;
  selection.rank = rank;
  selection.equal = equal;
  selection.settled = 1u;
}

@compute @workgroup_size(1)
fn main() {
  let highest = select(high.key, OPEN_KEY, params.highOpen != 0u);
  let candidatesFrom = bracket[0] + bracket[1];
  let highFrom = candidatesFrom + bracket[2];
  if (params.rank < bracket[0]) { return; }
  if (params.rank < candidatesFrom) {
    settle(low.key, params.rank - bracket[0], bracket[1]);
  } else if (params.rank < highFrom) {
    if (bracket[2] > params.capacity) { return; }
    selection.bracketed = 1u;
    selection.candidates = bracket[2];
    selection.below = candidatesFrom;
  } else if (highest != low.key && params.rank < highFrom + bracket[3]) {
    settle(highest, params.rank - highFrom, bracket[3]);
  }
}
