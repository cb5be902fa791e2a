// dx[plane, iy, ix] = sum of dy over the windows whose first largest pixel, `at`, is this one
// dx: planes x height x width; dy, at: planes x out_height x out_width.
#import elementwise
#import pool_place

struct Params { start: u32, end: u32, height: u32, width: u32, out_height: u32, out_width: u32, padding: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> at: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

fn apply(i: u32) {
  let pixel = pixel_of(i, params.height, params.width);
  let place = pixel.y * params.width + pixel.x;
  var sum = 0.0;
  for (var j = 0u; j < SPAN_Y; j++) {
    let row = window_with(pixel.y, j, WINDOW_HEIGHT, params.out_height);
    for (var k = 0u; k < SPAN_X; k++) {
      let column = window_with(pixel.x, k, WINDOW_WIDTH, params.out_width);
      let window = (pixel.plane * params.out_height + row.index) * params.out_width + column.index;
      sum += select(0.0, dy[window], row.exists && column.exists && at[window] == place);
    }
  }
  dx[i] = sum;
}
