// Says whether the threshold of a range lies between the ends of its bracket, among the candidates. One invocation a range.
#import grid
#import selection

const GROUP = 64u;

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> brackets: array<Bracket>;
@group(0) @binding(2) var<storage, read> ranges: array<Range>;
@group(0) @binding(3) var<storage, read_write> selections: array<Selection>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * GROUP + lane;
  if (index >= params.ranges) { return; }
  let range = ranges[index];
  let bracket = brackets[index];
  let below = range.count - bracket.above - bracket.between;
  let rank = range.prune - 1u;
  let fits = u32(bracket.between <= range.capacity);
  selections[index].candidates = min(bracket.between, range.capacity);
  if (range.prune == 0u) { // no score has the key 0
    selections[index].settled = 1u;
    selections[index].equal = 1u;
    selections[index].complete = 1u;
  } else if (rank >= below && rank < below + bracket.between) {
    selections[index].bracketed = fits;
    selections[index].complete = fits;
    selections[index].below = select(0u, below, fits == 1u);
  } else {
    selections[index].outside = 1u;
  }
}
