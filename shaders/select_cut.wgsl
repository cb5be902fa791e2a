// Cuts sorted scores where the sum over the kept ones, the largest, is right: the most of them with a sum of at most `budget` (u32), or with SHARE
// the fewest whose sum is at least share * the sum of all (f32). What is pruned already goes, what must stay stays, whatever the sum.
// keys, permutation: as sort_scatter leaves them; sums: of the r + 1 largest; result = [largest pruned score as f32 bits, -, sum of the kept].
// One invocation.
#import score_key
#import cut
const SHARE = false;

struct Params { count: u32, budget: u32, share: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> permutation: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<u32>;
@group(0) @binding(4) var<storage, read_write> cut: Cut;
@group(0) @binding(5) var<storage, read_write> result: array<u32>;

fn sum_of(kept: u32) -> u32 {
  if (kept == 0u) { return 0u; }
  return sums[kept - 1u];
}

// Whether fewer have to be kept than `kept`, or as many may do.
fn may_keep(kept: u32) -> bool {
  if (SHARE) { return kept == 0u || bitcast<f32>(sum_of(kept - 1u)) < params.share * bitcast<f32>(sum_of(params.count)); }
  return sum_of(kept) <= params.budget;
}

// Number of keys below `key`.
fn below(key: u32) -> u32 {
  var low = 0u;
  var high = params.count;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (keys[middle] < key) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(1)
fn main() {
  var low = 0u; // may be kept
  var high = params.count + 1u;
  while (high - low > 1u) {
    let middle = low + (high - low) / 2u;
    if (may_keep(middle)) { low = middle; } else { high = middle; }
  }
  let kept = clamp(low, params.count - below(STAYING_KEY), params.count - below(LOWEST_KEY));
  let pruned = params.count - kept;
  result[2] = sum_of(kept);
  if (pruned == 0u) {
    cut = Cut(0u, 0u);
    result[0] = 0x7fc00000u;
  } else {
    cut = Cut(keys[pruned - 1u], permutation[pruned - 1u]);
    result[0] = key_score(keys[pruned - 1u]);
  }
}
