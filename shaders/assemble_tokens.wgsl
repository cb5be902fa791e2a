// out[b, t, :] = (t < prefix_tokens ? prefix[t, :] : patches[b, t - prefix_tokens, :]) + position[t, :]
// prefix: prefix_tokens x width; patches: batch x tokens x width; position and each out[b]: (prefix_tokens + tokens) x width.
// Read as `count` values of one or four elements; width counts values.
#import elementwise
alias Value = f32; // vec4f where the width allows

struct Params { count: u32, tokens: u32, prefix_tokens: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> patches: array<Value>;
@group(0) @binding(2) var<storage, read> prefix: array<Value>;
@group(0) @binding(3) var<storage, read> position: array<Value>;
@group(0) @binding(4) var<storage, read_write> out: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  let prefix_size = params.prefix_tokens * params.width;
  let patches_size = params.tokens * params.width;
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      let b = i / (prefix_size + patches_size);
      let at = i % (prefix_size + patches_size);
      if (at < prefix_size) {
        out[i] = prefix[at] + position[at];
      } else {
        out[i] = patches[b * patches_size + at - prefix_size] + position[at];
      }
    }
  }
}
