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
  let rows = windows_with(pixel.y, WINDOW_HEIGHT, params.out_height);
  let columns = windows_with(pixel.x, WINDOW_WIDTH, params.out_width);
  let place = pixel.y * params.width + pixel.x;
  var sum = 0.0;
  for (var oy = rows.first; oy < rows.end; oy++) {
    for (var ox = columns.first; ox < columns.end; ox++) {
      let window = (pixel.plane * params.out_height + oy) * params.out_width + ox;
      if (at[window] == place) { sum += dy[window]; }
    }
  }
  dx[i] = sum;
}
