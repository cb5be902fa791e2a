// Ends the choice of a threshold: finds the block in which ties stop being pruned, and writes result = [threshold as f32 bits, scores pruned]
// ties: blocks. One workgroup.
#import score_key
#import selection

const GROUP = 64u;

struct Params { prune: u32, blocks: u32, allTies: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ties: array<u32>;
@group(0) @binding(2) var<storage, read_write> selection: Selection;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

var<workgroup> totals: array<u32, GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  let wanted = selection.rank + 1u; // ties to prune
  let equal = selection.equal;
  let each = (params.blocks + GROUP - 1u) / GROUP;
  let first = lane * each;
  let end = min(first + each, params.blocks);
  var own = 0u;
  for (var b = first; b < end; b++) { own += ties[b]; }

  totals[lane] = own;
  for (var reach = 1u; reach < GROUP; reach = reach << 1u) { // inclusive scan
    workgroupBarrier();
    var before = 0u;
    if (lane >= reach) { before = totals[lane - reach]; }
    workgroupBarrier();
    totals[lane] += before;
  }

  if (params.prune == 0u || params.allTies != 0u || wanted == equal) {
    if (lane > 0u) { return; }
    selection.boundary = NO_BOUNDARY;
    if (params.prune == 0u) { selection.key = 0u; } // no score has a key this small
    result[0] = select(key_score(selection.key), 0x7fc00000u, params.prune == 0u);
    result[1] = params.prune;
    if (params.prune > 0u) { result[1] = params.prune - wanted + equal; }
    return;
  }
  if (lane == 0u) {
    result[0] = key_score(selection.key);
    result[1] = params.prune;
  }
  var pruned = totals[lane] - own;
  for (var b = first; b < end; b++) {
    let count = ties[b];
    if (pruned < wanted && wanted <= pruned + count) {
      selection.boundary = b;
      selection.boundary_ties = wanted - pruned;
    }
    pruned += count;
  }
}
