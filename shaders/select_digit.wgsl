// Picks the digit of the threshold from the counts of one pass and narrows the selection to it. One workgroup.
// counts: BINS of this digit from `base`, and the number of exact zeros at ZEROS. Zeros are the smallest keys of their bin: when the threshold is
// one of them, the selection is settled at once.
#import score_key
#import selection

const GROUP = 64u;
const BINS = 2048u;
const ZEROS = 6144u;
const EACH = BINS / GROUP;

struct Params {
  rank: u32,             // of the threshold among all scores
  shift: u32, bits: u32, // of the digit
  base: u32              // of its bins in counts; 0 for the first digit
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> selection: Selection;

var<workgroup> totals: array<u32, GROUP>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var rank = selection.rank;
  if (params.base == 0u) { rank = params.rank - selection.below; }
  let settled = selection.settled != 0u;
  let first = lane * EACH;
  var own = 0u;
  for (var b = 0u; b < EACH; b++) { own += counts[params.base + first + b]; }

  totals[lane] = own;
  for (var reach = 1u; reach < GROUP; reach = reach << 1u) { // inclusive scan
    workgroupBarrier();
    var before = 0u;
    if (lane >= reach) { before = totals[lane - reach]; }
    workgroupBarrier();
    totals[lane] += before;
  }
  var below = totals[lane] - own;
  if (settled || rank < below || rank >= below + own) { return; }

  for (var b = 0u; b < EACH; b++) {
    let count = counts[params.base + first + b];
    if (rank >= below && rank < below + count) {
      let digit = first + b;
      selection.rank = rank - below;
      selection.equal = count;
      selection.key = (selection.key << params.bits) | digit;
      if (params.base == 0u && digit == ZERO_KEY >> params.shift && rank - below < counts[ZEROS]) {
        selection.key = ZERO_KEY;
        selection.equal = counts[ZEROS];
        selection.settled = 1u;
      }
    }
    below += count;
  }
}
