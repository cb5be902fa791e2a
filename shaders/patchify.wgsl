// patches[n * tokens + row * (width / P) + column, (c * P + py) * P + px] = images[n, c, row * P + py, column * P + px]
// images: N x C x H x W; patches: N*tokens x C*P*P, as a convolution's weight is laid out. With INVERSE the copy goes the other way.
#import elementwise
#import value
const INVERSE = false;

struct Params { start: u32, end: u32, channels: u32, height: u32, width: u32, side: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Stored>;
@group(0) @binding(2) var<storage, read_write> moved: array<Stored>;

// Where the image's value i lies among the patches.
fn patch_index(i: u32) -> u32 {
  let width = params.width / WIDTH;
  let side_width = params.side / WIDTH;
  let x = i % width;
  let line = i / width;
  let y = line % params.height;
  let plane = line / params.height;
  let c = plane % params.channels;
  let image = plane / params.channels;
  let token = (image * (params.height / params.side) + y / params.side) * (width / side_width) + x / side_width;
  let row = (token * params.channels + c) * params.side + y % params.side;
  return row * side_width + x % side_width;
}

fn apply(i: u32) {
  let p = patch_index(i);
  if (INVERSE) { moved[i] = source[p]; } else { moved[p] = source[i]; }
}
