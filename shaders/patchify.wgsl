// patches[n * tokens + row * (width / P) + column, (c * P + py) * P + px] = images[n, c, row * P + py, column * P + px]
// images: N x C x H x W; patches: N*tokens x C*P*P, as a convolution's weight is laid out. With INVERSE the copy goes the other way.
#import elementwise
#import value
const INVERSE = false;
// C, H, W and P: constants, as quotients by what is known at run time only take lavapipe seven times as long.
const CHANNELS = 3u;
const HEIGHT = 224u;
const COLUMNS = 224u;
const SIDE = 16u;

struct Params { start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<Stored>;
@group(0) @binding(2) var<storage, read_write> moved: array<Stored>;

// Where the image's value i lies among the patches.
fn patch_index(i: u32) -> u32 {
  let across = COLUMNS / WIDTH;
  let side_across = SIDE / WIDTH;
  let x = i % across;
  let line = i / across;
  let y = line % HEIGHT;
  let plane = line / HEIGHT;
  let c = plane % CHANNELS;
  let image = plane / CHANNELS;
  let token = (image * (HEIGHT / SIDE) + y / SIDE) * (across / side_across) + x / side_across;
  let row = (token * CHANNELS + c) * SIDE + y % SIDE;
  return row * side_across + x % side_across;
}

fn apply(i: u32) {
  let p = patch_index(i);
  if (INVERSE) { moved[i] = source[p]; } else { moved[p] = source[i]; }
}
