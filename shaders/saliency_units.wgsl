// score[offset + unit] += sum over o, i of term(a[o, unit, i], w[o, unit, i]), in this order
// a, w: outer x period x inner. One invocation a unit, for few elements a unit.
#import grid
#import value
#import saliency_term

const GROUP = 64u;

struct Params { outer: u32, period: u32, inner: u32, offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> score: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = linear_group(group, groups) * GROUP + lane;
  if (unit >= params.period) { return; }
  var total = Value(0.0);
  for (var o = 0u; o < params.outer; o++) {
    let start = (o * params.period + unit) * params.inner;
    for (var i = start; i < start + params.inner; i++) { total += saliency_term(a[i], w[i]); }
  }
  score[params.offset + unit] += total;
}
