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

// Windows first to end - 1 along an axis contain the pixel `at`.
struct Range { first: u32, end: u32 }

fn windows_with(at: u32, window: u32, count: u32) -> Range {
  let from_start = at + params.padding;
  let before = select(0u, (from_start - window) / STRIDE + 1u, from_start >= window);
  return Range(before, min(from_start / STRIDE + 1u, count));
}
