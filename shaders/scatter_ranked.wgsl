// y[first + permutation[count - 1 - r]] = x[last], the way back of gather_ranked; last is the highest rank of a key equal to that of rank r
// keys: count, ascending; x, permutation: count
#import elementwise

struct Params { start: u32, end: u32, first: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;
@group(0) @binding(3) var<storage, read> permutation: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

fn apply(r: u32) {
  let at = params.count - 1u - r;
  let key = keys[at];
  var first = at; // of the run of equal keys
  if (at > 0u && keys[at - 1u] == key) {
    first = 0u;
    var above = at;
    while (first < above) {
      let middle = (first + above) / 2u;
      if (keys[middle] < key) { first = middle + 1u; } else { above = middle; }
    }
  }
  y[params.first + permutation[at]] = x[params.count - 1u - first];
}
