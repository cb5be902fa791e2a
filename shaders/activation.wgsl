// y[i] = gelu(x[i]), or max(x[i], 0) with RELU. Read as `count` values of WIDTH elements.
#import elementwise
#import gelu
alias Value = array<f32, 1>; // vec4f where the length allows
const WIDTH = 1u;
const RELU = false;

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn activate(x: f32) -> f32 {
  if (RELU) { return max(x, 0.0); }
  return gelu(x);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      var value = x[i];
      for (var c = 0u; c < WIDTH; c++) { value[c] = activate(value[c]); }
      y[i] = value;
    }
  }
}
