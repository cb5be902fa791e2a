// Finds the last candidate tied with the threshold that is pruned: of the collected places the one with the threshold's rank, digit by digit of 8 bits.
// tied, places: as select_tied leaves them. A workgroup takes a range.
#import grid
#import selection

const GROUP = 64u;

struct Params { ranges: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tied: array<u32>;
@group(0) @binding(2) var<storage, read> places: array<u32>;
@group(0) @binding(3) var<storage, read> ranges: array<Range>;
@group(0) @binding(4) var<storage, read_write> selections: array<Selection>;

var<workgroup> bins: array<atomic<u32>, 256>;
var<workgroup> last: u32; // its digits so far
var<workgroup> rank: u32; // among the places that share them

fn narrow() {
  var digit = 0u;
  for (; digit < 255u; digit++) {
    let count = atomicLoad(&bins[digit]);
    if (rank < count) { break; }
    rank -= count;
  }
  last = (last << 8u) | digit;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups);
  if (index >= params.ranges) { return; }
  let first = ranges[index].candidates;
  let count = tied[index];
  if (count == 0u) { return; }
  if (lane == 0u) { rank = selections[index].rank; }
  for (var d = 0u; d < 4u; d++) {
    let shift = 24u - d * 8u;
    for (var bin = lane; bin < 256u; bin += GROUP) { atomicStore(&bins[bin], 0u); }
    workgroupBarrier();
    let known = last;
    for (var t = lane; t < count; t += GROUP) {
      let place = places[first + t];
      if (d == 0u || place >> min(shift + 8u, 31u) == known) { atomicAdd(&bins[(place >> shift) & 255u], 1u); }
    }
    workgroupBarrier();
    if (lane == 0u) { narrow(); }
    workgroupBarrier();
  }
  if (lane == 0u) { selections[index].last = last; }
}
