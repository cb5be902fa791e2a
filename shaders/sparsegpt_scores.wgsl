// y[start_score + row * BLOCK + c] = (w[row, first + c] / u[c, first + c])^2, the largest number for c >= width
// w: rows x columns; u: the rows of the block in a matrix of `columns` columns; y: an arena with BLOCK scores a row of each block
#import elementwise
const BLOCK = 128u;
const LARGEST = 3.4028234e38;

struct Params { start: u32, end: u32, columns: u32, first: u32, width: u32, start_score: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> u: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn apply(i: u32) {
  let c = i % BLOCK;
  let column = params.first + min(c, params.width - 1u);
  let root = w[i / BLOCK * params.columns + column] / u[(column - params.first) * params.columns + column];
  y[params.start_score + i] = select(LARGEST, min(root * root, LARGEST), c < params.width);
}
