// Windows of WINDOW_HEIGHT x WINDOW_WIDTH that slide over planes of height x width in steps of STRIDE, with `padding` around; out_height x out_width
// of them a plane. Uses params.
const WINDOW_HEIGHT = 2u;
const WINDOW_WIDTH = 2u;
const STRIDE = 2u;

// A pixel of one of many planes.
struct Pixel { plane: u32, y: u32, x: u32 }

fn pixel_of(i: u32, height: u32, width: u32) -> Pixel {
  let line = i / width;
  return Pixel(line / height, line % height, i % width);
}

// The gradients' loops have constant bounds, which drivers unroll: at most SPAN_Y x SPAN_X windows contain a pixel.
const SPAN_Y = 1u;
const SPAN_X = 1u;

// The j-th last of the windows along an axis that contain the pixel `at`, if there are so many.
struct Window { index: u32, exists: bool }

fn window_with(at: u32, j: u32, side: u32, count: u32) -> Window {
  let from_start = at + params.padding;
  let last = min(from_start / STRIDE, count - 1u);
  let index = max(last, j) - j;
  return Window(index, j <= last && from_start - index * STRIDE < side);
}
