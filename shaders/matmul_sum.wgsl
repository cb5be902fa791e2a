// out[z] = sum over s of partials[z * splits + s] in order, then the epilogue. partials: (batches * splits) x m x n. One invocation a value of out, one
// element or four; `values` of a matrix and `row_values` count those.
#import grid
#import epilogue

const GROUP = 64u;

struct Params { values: u32, row_values: u32, splits: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * GROUP + lane;
  let z = at / params.values;
  if (z >= params.batches) { return; }
  let place = at % params.values;
  var sum = Value();
  for (var s = 0u; s < params.splits; s++) { sum += partials[(z * params.splits + s) * params.values + place]; }
  write_out(z * params.values, place, place % params.row_values, sum);
}
