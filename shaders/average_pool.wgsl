// y[plane, oy, ox] = sum of x over the window / (WINDOW_HEIGHT * WINDOW_WIDTH): pixels of the padding count as zeros
// x: planes x height x width; y: planes x out_height x out_width.
#import elementwise
#import pool_place

struct Params { start: u32, end: u32, height: u32, width: u32, out_height: u32, out_width: u32, padding: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn apply(i: u32) {
  let window = pixel_of(i, params.out_height, params.out_width);
  let top = window.y * STRIDE;
  let left = window.x * STRIDE;
  let first_y = max(top, params.padding) - params.padding;
  let first_x = max(left, params.padding) - params.padding;
  let end_y = min(max(top + WINDOW_HEIGHT, params.padding) - params.padding, params.height);
  let end_x = min(max(left + WINDOW_WIDTH, params.padding) - params.padding, params.width);
  var sum = 0.0;
  for (var iy = first_y; iy < end_y; iy++) {
    let line = (window.plane * params.height + iy) * params.width;
    for (var ix = first_x; ix < end_x; ix++) { sum += x[line + ix]; }
  }
  y[i] = sum / f32(WINDOW_HEIGHT * WINDOW_WIDTH);
}
