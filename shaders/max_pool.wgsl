// y[plane, oy, ox] = largest x[plane, iy, ix] of the window; at[plane, oy, ox] = iy * width + ix of the first such pixel in reading order
// x: planes x height x width; y, at: planes x out_height x out_width. Pixels of the padding do not count.
#import elementwise
#import pool_place

struct Params { start: u32, end: u32, height: u32, width: u32, out_height: u32, out_width: u32, padding: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> at: array<u32>;

fn apply(i: u32) {
  let window = pixel_of(i, params.out_height, params.out_width);
  let start = window.plane * params.height * params.width;
  let top = window.y * STRIDE - params.padding;
  let left = window.x * STRIDE - params.padding;
  var largest = 0.0;
  var place = 0xffffffffu;
  for (var wy = 0u; wy < WINDOW_HEIGHT; wy++) {
    for (var wx = 0u; wx < WINDOW_WIDTH; wx++) {
      let iy = top + wy;
      let ix = left + wx;
      let inside = iy < params.height && ix < params.width;
      let pixel = select(0u, iy * params.width + ix, inside);
      let value = x[start + pixel];
      if (inside && (place == 0xffffffffu || value > largest)) {
        largest = value;
        place = pixel;
      }
    }
  }
  y[i] = largest;
  at[i] = place;
}
