// First pass of group scores whose elements are contiguous: sums of term(a, w) over parts of each segment
// a, w: segments x inner; sums: segments x chunks x 8. Eight invocations share a chunk of at most 8 x STEPS values:
//   chunk   | 0 1 2 3 4 5 6 7 | 0 1 2 3 4 5 6 7 | ...   each number sums its own values, STEPS of them
#import grid
#import value
#import saliency_term

const GROUP = 64u;
const STEPS = 64u;

struct Params { segments: u32, inner: u32, chunks: u32 } // inner in values

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> sums: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * GROUP + lane;
  let part = at >> 3u;
  let segment = part / params.chunks;
  if (segment >= params.segments) { return; }
  let start = (part - segment * params.chunks) * 8u * STEPS + (at & 7u);
  var total = Value(0.0);
  for (var s = 0u; s < STEPS; s++) {
    let within = start + s * 8u;
    if (within < params.inner) {
      let i = segment * params.inner + within;
      total += saliency_term(a[i], w[i]);
    }
  }
  sums[at] = total;
}
