// y[b, :] = mean of x[b, t, :] over first_token <= t < end_token
// x: batch x tokens x width; y: batch x width, read as `count` values of one or four elements; width counts values.
#import grid
#import value
const GROUP = 64u;

struct Params { count: u32, tokens: u32, width: u32, first_token: u32, end_token: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read_write> y: array<Stored>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let start = (i / params.width) * params.tokens * params.width + i % params.width;
  var total = Value();
  for (var t = params.first_token; t < params.end_token; t++) { total += Value(x[start + t * params.width]); }
  y[i] = Stored(total / f32(params.end_token - params.first_token));
}
