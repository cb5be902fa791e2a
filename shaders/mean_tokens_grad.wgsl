// dx[b, t, :] = dy[b, :] / (end_token - first_token) for first_token <= t < end_token, else 0
// dy: batch x width; dx: batch x tokens x width, read as `count` values of one or four elements; width counts values.
#import elementwise
alias Value = f32; // vec4f where the width allows

struct Params { count: u32, tokens: u32, width: u32, first_token: u32, end_token: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Value>;
@group(0) @binding(2) var<storage, read_write> dx: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  let inverse = 1.0 / f32(params.end_token - params.first_token);
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      let row = i / params.width;
      let t = row % params.tokens;
      var value = Value();
      if (t >= params.first_token && t < params.end_token) {
        value = dy[(row / params.tokens) * params.width + i % params.width] * inverse;
      }
      dx[i] = value;
    }
  }
}
