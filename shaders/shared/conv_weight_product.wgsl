// A convolution's gradient by its weight as a product of matrices by group: d_weight[row, column] = sum over k of dy[row, k] * x[k, column].
// Rows are output channels, columns (input channel, tap), k the pixels of all outputs. Lines of pixels are cut into `splits` runs of `chunk` lines,
// each with a result of its own, which matmul_sum adds up. `rows` and `depth` are the output and input channels of one group; height and width
// those of dy. Storage bindings 1 to 8.
#import epilogue
#import matmul_place

const KERNEL_HEIGHT = 3u;
const KERNEL_WIDTH = 3u;
const STRIDE = 1u;
const TAPS = KERNEL_HEIGHT * KERNEL_WIDTH;

struct Params {
  batch: u32, groups: u32, rows: u32, depth: u32, height: u32, width: u32, source_height: u32, source_width: u32, padding: u32,
  splits: u32, chunk: u32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;

fn column_count() -> u32 { return params.depth * TAPS; }

// Where a workgroup works, and its lines of dy.
struct Work { split: u32, group: u32, row: u32, column: u32, first_line: u32, end_line: u32 }

// Workgroups past the last one get a row past the last row.
fn work_of(index: u32, rows: u32, columns: u32) -> Work {
  let place = place_of(index, params.rows, column_count(), rows, columns);
  let split = place.z / params.groups;
  let first = split * params.chunk;
  let end = min(first + params.chunk, params.batch * params.height);
  return Work(split, place.z % params.groups, select(params.rows, place.row, split < params.splits), place.column, first, end);
}

// The first pixel of channel `row` of the group in a line of dy.
fn line_of_dy(work: Work, row: u32, line: u32) -> u32 {
  let channel = line / params.height * params.groups * params.rows + work.group * params.rows + min(row, params.rows - 1u);
  return (channel * params.height + line % params.height) * params.width;
}

// Four columns in a row: channels of x within the group, and how far from a pixel's first tap. Columns past the last repeat.
struct Columns { channel: vec4u, tap_y: vec4u, tap_x: vec4u }

fn columns_of(first: u32) -> Columns {
  let column = min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(column_count() - 1u));
  return Columns(column / TAPS, column % TAPS / KERNEL_WIDTH, column % KERNEL_WIDTH);
}

// Where the four columns read for the pixels of a line of dy: starts of lines of x, and whether these exist.
struct Lines { start: vec4u, exist: vec4<bool> }

fn lines_of_x(work: Work, columns: Columns, line: u32) -> Lines {
  let y = line % params.height * STRIDE + columns.tap_y - vec4u(params.padding);
  let channel = (line / params.height * params.groups + work.group) * params.depth + columns.channel;
  return Lines((channel * params.source_height + y) * params.source_width, y < vec4u(params.source_height));
}

fn load_x(columns: Columns, lines: Lines, pixel: u32) -> vec4f {
  let place = pixel * STRIDE + columns.tap_x - vec4u(params.padding);
  let inside = lines.exist & (place < vec4u(params.source_width));
  let at = select(vec4u(), lines.start + place, inside);
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

fn write_result(work: Work, row: u32, column: u32, sum: f32) {
  if (row >= params.rows || column >= column_count()) { return; }
  let size = params.groups * params.rows * column_count();
  write_out(work.split * size, (work.group * params.rows + row) * column_count() + column, 0u, sum);
}
