// Picks the digit of the threshold from the counts of one pass and narrows the selection to it. A workgroup takes a range.
// counts: BINS of each digit, and the number of exact zeros at ZEROS, for each range. Zeros are the smallest keys of their bin: when the threshold is one
// of them, the selection is settled at once.
#import grid
#import score_key
#import selection
#import group_scan

const BINS = 2048u;
const ZEROS = 6144u;
const EACH = BINS / GROUP;

struct Params { ranges: u32, digit: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> ranges: array<Range>;
@group(0) @binding(3) var<storage, read_write> selections: array<Selection>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.ranges) { return; }
  let selection = selections[index];
  var rank = selection.rank;
  if (params.digit == 0u) { rank = ranges[index].prune - 1u - selection.below; }
  let start = index * (ZEROS + 1u);
  let zeros = counts[start + ZEROS];
  let bins = start + params.digit * BINS;
  let first = lane * EACH;
  var own = 0u;
  for (var b = 0u; b < EACH; b++) { own += counts[bins + first + b]; }
  var below = sum_up_to(lane, own) - own;
  workgroupBarrier(); // every invocation has read the selection
  if (selection.settled != 0u || rank < below || rank >= below + own) { return; }
  let shift = bits_left_from(params.digit + 1u, selection);
  let bits = bits_left_from(params.digit, selection) - shift;

  for (var b = 0u; b < EACH; b++) {
    let count = counts[bins + first + b];
    if (rank >= below && rank < below + count) {
      let digit = first + b;
      selections[index].rank = rank - below;
      selections[index].equal = count;
      let key = (selection.key << bits) | digit;
      selections[index].key = key;
      if (shift == 0u) {
        selections[index].key = selection.origin + key;
        selections[index].settled = 1u;
      }
      if (params.digit == 0u && digit == (ZERO_KEY - selection.origin) >> shift && rank - below < zeros) {
        selections[index].key = ZERO_KEY;
        selections[index].equal = zeros;
        selections[index].settled = 1u;
      }
    }
    below += count;
  }
}
