// patches[n * tokens + row * (width / P) + column, (c * P + py) * P + px] = images[n, c, row * P + py, column * P + px]
// images: N x C x H x W; patches: N*tokens x C*P*P, as a convolution's weight is laid out. With INVERSE the copy goes the other way.
// Read as `count` values of one or four elements along x; width and patch_width count values.
#import elementwise
alias Value = f32; // vec4f where patch and width allow
const INVERSE = false;

struct Params { count: u32, channels: u32, height: u32, width: u32, patch_height: u32, patch_width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Value>;
@group(0) @binding(2) var<storage, read_write> moved: array<Value>;

// Where the image's value i lies among the patches.
fn patch_index(i: u32) -> u32 {
  let x = i % params.width;
  let line = i / params.width;
  let y = line % params.height;
  let plane = line / params.height;
  let c = plane % params.channels;
  let image = plane / params.channels;
  let token = (image * (params.height / params.patch_height) + y / params.patch_height) * (params.width / params.patch_width)
    + x / params.patch_width;
  let row = (token * params.channels + c) * params.patch_height + y % params.patch_height;
  return row * params.patch_width + x % params.patch_width;
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = first_element(group, groups, lane);
  for (var turn = 0u; turn < TURNS; turn++) {
    let i = first + turn * GROUP;
    if (i < params.count) {
      let p = patch_index(i);
      if (INVERSE) { moved[i] = source[p]; } else { moved[p] = source[i]; }
    }
  }
}
