// out[z] = sum over s of partials[z * splits + s] in order, then the epilogue. partials: (batches * splits) x m x n. One invocation an element of out.
#import grid
#import epilogue

const GROUP = 64u;

struct Params { elements: u32, n: u32, splits: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * GROUP + lane;
  let z = at / params.elements;
  if (z >= params.batches) { return; }
  let element = at % params.elements;
  var sum = 0.0;
  for (var s = 0u; s < params.splits; s++) { sum += partials[(z * params.splits + s) * params.elements + element]; }
  write_out(z * params.elements, element, element % params.n, sum);
}
