// Inverse factor of a diagonal block: pivot = V^-1 for block = V V^T, V upper triangular; the block itself becomes the identity.
// rows: the rows of the block in a matrix of `columns` columns, the block at `first`, of which the lower triangle is read; pivot: size x size.
// One workgroup. Row operations from the last row upwards turn the block into a diagonal D, and the identity beside it into sqrt(D) V^-1, in place:
// the lower triangle holds the one, the strictly upper triangle the other, whose diagonal is 1. Pivots below 2^-23 of `mean`, the mean of
// the matrix's diagonal, are raised to it: that far down, rounding decides their sign.
const GROUP = 256u;
const BLOCK = 64u;
const SMALLEST = 1e-30;

struct Params { columns: u32, first: u32, size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> pivot: array<f32>;

var<workgroup> block: array<f32, BLOCK * BLOCK>;

fn diagonal(i: u32) -> f32 { return max(block[i * BLOCK + i], max(0x1p-23 * mean[0], SMALLEST)); }

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  let column = lane % BLOCK;
  let row = lane / BLOCK;
  for (var i = row; i < params.size; i += GROUP / BLOCK) {
    var value = 0.0;
    if (column <= i) { value = rows[i * params.columns + params.first + column]; }
    block[i * BLOCK + column] = value;
  }
  for (var step = 1u; step < params.size; step++) {
    workgroupBarrier();
    let p = params.size - step;
    let scale = 1.0 / diagonal(p);
    let own = select(block[p * BLOCK + column], 1.0, column == p) * scale;
    for (var i = row; i < p; i += GROUP / BLOCK) {
      if (column <= i || column >= p) { block[i * BLOCK + column] -= block[p * BLOCK + i] * own; }
    }
  }
  workgroupBarrier();
  if (column >= params.size) { return; }
  for (var i = row; i < params.size; i += GROUP / BLOCK) {
    let scale = inverseSqrt(diagonal(i));
    let value = select(select(0.0, block[i * BLOCK + column], column > i), 1.0, column == i) * scale;
    pivot[i * params.size + column] = value;
    rows[i * params.columns + params.first + column] = select(0.0, 1.0, column == i);
  }
}
