// rows[(n * out_height + oy) * out_width + ox, (c * KERNEL_HEIGHT + ky) * KERNEL_WIDTH + kx] = x[n, c, oy * STRIDE + ky - padding, ox * STRIDE + kx - padding]
// x: N x C x height x width, zero outside; rows: N*out_height*out_width x C*KERNEL_HEIGHT*KERNEL_WIDTH, columns as a convolution's weight has them.
#import elementwise
const KERNEL_HEIGHT = 3u;
const KERNEL_WIDTH = 3u;
const STRIDE = 1u;

struct Params { start: u32, end: u32, channels: u32, height: u32, width: u32, out_height: u32, out_width: u32, padding: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;

fn apply(i: u32) {
  let area = KERNEL_HEIGHT * KERNEL_WIDTH;
  let columns = params.channels * area;
  let column = i % columns;
  let pixel = i / columns;
  let line = pixel / params.out_width;
  // What lies above or left of the image wraps around to a large number.
  let iy = line % params.out_height * STRIDE + column % area / KERNEL_WIDTH - params.padding;
  let ix = pixel % params.out_width * STRIDE + column % KERNEL_WIDTH - params.padding;
  let inside = iy < params.height && ix < params.width;
  let plane = line / params.out_height * params.channels + column / area;
  rows[i] = select(0.0, x[select(0u, (plane * params.height + iy) * params.width + ix, inside)], inside);
}
