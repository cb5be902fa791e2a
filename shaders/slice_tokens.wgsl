// y[b, t, :] = x[b, first_token + t, :] for t < kept
// x: batch x tokens x width; y: batch x kept x width, read as `count` values of one or four elements; width counts values.
#import elementwise
alias Value = f32; // vec4f where the width allows

struct Params { count: u32, tokens: u32, width: u32, first_token: u32, kept: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  let slice = params.kept * params.width;
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      y[i] = x[((i / slice) * params.tokens + params.first_token) * params.width + i % slice];
    }
  }
}
