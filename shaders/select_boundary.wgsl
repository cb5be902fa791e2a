// Ends the choice of a range's threshold: finds the block of scores in which ties stop being pruned, and writes [threshold as f32 bits, scores pruned] to
// results[stride * range]. A workgroup takes a range.
#import grid
#import score_key
#import selection
#import group_scan

struct Params { ranges: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ties: array<u32>;
@group(0) @binding(2) var<storage, read> ranges: array<Range>;
@group(0) @binding(3) var<storage, read_write> selections: array<Selection>;
@group(0) @binding(4) var<storage, read_write> results: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.ranges) { return; }
  let range = ranges[index];
  let selection = selections[index];
  let wanted = selection.rank + 1u; // ties to prune
  let split = splits(range, selection);
  let in_blocks = split && selection.bracketed == 0u; // select_last finds the end of other ties
  if (lane == 0u) {
    results[index * params.stride] = select(key_score(selection.key), 0x7fc00000u, range.prune == 0u);
    results[index * params.stride + 1u] = range.prune + select(selection.equal - wanted, 0u, split);
    if (!in_blocks) { selections[index].boundary = NO_BOUNDARY; } else if (selection.end == NO_END) { selections[index].complete = 0u; }
    if (!split) { selections[index].last = OPEN; }
  }
  let each = (range.blocks + GROUP - 1u) / GROUP;
  let first = range.block + lane * each;
  let end = select(first, min(first + each, range.block + range.blocks), in_blocks);
  var own = 0u;
  for (var b = first; b < end; b++) { own += ties[b]; }
  var pruned = sum_up_to(lane, own) - own;
  for (var b = first; b < end; b++) {
    let count = ties[b];
    if (pruned < wanted && wanted <= pruned + count) {
      selections[index].boundary = b;
      selections[index].boundary_ties = wanted - pruned;
    }
    pruned += count;
  }
}
