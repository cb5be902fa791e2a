// A convolution and its gradient by the input as products of matrices by group: out[row, column] = sum over k of weight[row, k] * source[k, column].
// weight: [out, in / groups, KERNEL_HEIGHT, KERNEL_WIDTH], counts as WEIGHT_AS says, read with its mask of one bit an element when MASK.
//   forward:    rows are output channels, k = (input channel, tap), columns are the output's pixels of all images, source = x
//   INPUT_GRAD: rows are input channels, k = (output channel, tap), columns are the input's pixels, source = dy. Pixels that differ by multiples
//               of STRIDE meet the same taps, so that there is one product for each residue of y and of x, with TAPS_Y x TAPS_X taps or fewer.
// `rows` and `depth` are the result's and the source's channels of one group. Source pixels outside of the image are zero. Storage bindings 1 to 8.
#import epilogue
#import matmul_place
#import weight_as

const INPUT_GRAD = false;
const MASK = false;
const KERNEL_HEIGHT = 3u;
const KERNEL_WIDTH = 3u;
const STRIDE = 1u;

const RESIDUES = select(1u, STRIDE, INPUT_GRAD);
const TAPS_Y = (KERNEL_HEIGHT + RESIDUES - 1u) / RESIDUES;
const TAPS_X = (KERNEL_WIDTH + RESIDUES - 1u) / RESIDUES;
const TAPS = TAPS_Y * TAPS_X;

struct Params { batch: u32, groups: u32, rows: u32, depth: u32, height: u32, width: u32, source_height: u32, source_width: u32, padding: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> source: array<f32>;

// Where a workgroup works, and how many k it sums.
struct Work { group: u32, residue_y: u32, residue_x: u32, row: u32, column: u32, count: u32 }

fn places_y() -> u32 { return (params.height + RESIDUES - 1u) / RESIDUES; }
fn places_x() -> u32 { return (params.width + RESIDUES - 1u) / RESIDUES; }
fn column_count() -> u32 { return params.batch * places_y() * places_x(); }

// Workgroups past the last one get a row past the last row.
fn work_of(index: u32, rows: u32, columns: u32) -> Work {
  let place = place_of(index, params.rows, column_count(), rows, columns);
  let residue = place.z / params.groups;
  let residue_y = residue / RESIDUES;
  let residue_x = residue % RESIDUES;
  let any_tap = residue_y < min(RESIDUES, KERNEL_HEIGHT) && residue_x < min(RESIDUES, KERNEL_WIDTH);
  let row = select(params.rows, place.row, residue_y < RESIDUES);
  return Work(place.z % params.groups, residue_y, residue_x, row, place.column, select(0u, params.depth * TAPS, any_tap));
}

// Four columns in a row: places of their first tap in the source and where they lie in out, for channel 0 of the group.
struct Columns { image: vec4u, y: vec4i, x: vec4i, out: vec4u, exist: vec4<bool> }

fn columns_of(work: Work, first: u32) -> Columns {
  let wanted = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  let column = min(wanted, vec4u(column_count() - 1u));
  let line = column / places_x();
  let image = line / places_y();
  var y = line % places_y();
  var x = column % places_x();
  var source_y = vec4i(y * STRIDE) - i32(params.padding);
  var source_x = vec4i(x * STRIDE) - i32(params.padding);
  if (INPUT_GRAD) {
    let before = STRIDE - params.padding % STRIDE;
    y = y * STRIDE + (work.residue_y + before) % STRIDE;
    x = x * STRIDE + (work.residue_x + before) % STRIDE;
    source_y = vec4i((y + params.padding - work.residue_y) / STRIDE);
    source_x = vec4i((x + params.padding - work.residue_x) / STRIDE);
  }
  let channels = image * params.groups + work.group;
  return Columns(
    channels * params.depth * params.source_height * params.source_width, source_y, source_x,
    (channels * params.rows * params.height + y) * params.width + x,
    (wanted == column) & (y < vec4u(params.height)) & (x < vec4u(params.width)));
}

// The source's elements k of four columns; past the last k anything finite.
fn load_source(columns: Columns, k: u32) -> vec4f {
  let channel = min(k / TAPS, params.depth - 1u);
  let tap_y = i32(k % TAPS / TAPS_X);
  let tap_x = i32(k % TAPS_X);
  let y = vec4u(select(columns.y + tap_y, columns.y - tap_y, INPUT_GRAD));
  let x = vec4u(select(columns.x + tap_x, columns.x - tap_x, INPUT_GRAD));
  let inside = (y < vec4u(params.source_height)) & (x < vec4u(params.source_width));
  let found = columns.image + (channel * params.source_height + y) * params.source_width + x;
  let at = select(vec4u(), found, inside);
  return select(vec4f(), vec4f(source[at.x], source[at.y], source[at.z], source[at.w]), inside);
}

// Element of the weight for a row and a k that exist, or any number past the weight's end where the residue has no such tap.
fn weight_place(work: Work, row: u32, k: u32) -> u32 {
  if (!INPUT_GRAD) { return (work.group * params.rows + row) * params.depth * TAPS + k; }
  let tap_y = work.residue_y + k % TAPS / TAPS_X * RESIDUES;
  let tap_x = work.residue_x + k % TAPS_X * RESIDUES;
  let channel = work.group * params.depth + k / TAPS;
  let place = ((channel * params.rows + row) * KERNEL_HEIGHT + tap_y) * KERNEL_WIDTH + tap_x;
  return select(0xffffffffu, place, tap_y < KERNEL_HEIGHT && tap_x < KERNEL_WIDTH);
}

fn write_result(work: Work, columns: Columns, row: u32, i: u32, sum: f32) {
  if (row >= params.rows || !columns.exist[i]) { return; }
  write_out(0u, columns.out[i] + row * params.height * params.width, work.group * params.rows + row, sum);
}
