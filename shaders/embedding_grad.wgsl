// d_table[r, :] = sum of dy[i, :] over all i with ids[i] = r, in the order of i: no atomics, the same bits each time
// keys: the ids in rising order, as keys of score_key.wgsl; permutation[s]: where the id of keys[s] was; both `count`
// dy: count x width; d_table: rows x width. A value of d_table finds its row's first key by bisection.
#import elementwise
#import value
#import score_key

struct Params { start: u32, end: u32, count: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> permutation: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<Value>;
@group(0) @binding(4) var<storage, read_write> d_table: array<Value>;

fn apply(i: u32) {
  let width = params.width / WIDTH;
  let key = ZERO_KEY + i / width;
  var first = 0u;
  var end = params.count;
  while (first < end) {
    let middle = (first + end) / 2u;
    if (keys[middle] < key) { first = middle + 1u; } else { end = middle; }
  }
  var sum = Value();
  for (var s = first; s < params.count; s++) {
    if (keys[s] != key) { break; }
    sum += dy[permutation[s] * width + i % width];
  }
  d_table[i] = sum;
}
