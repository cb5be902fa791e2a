// Second half of a step of conjugate gradients in each row, on the elements that the mask keeps; the others of p are zero:
//   size = r z^T, beta = size / rz, rz = size, p = z + beta p
// r, p, z = r M with the preconditioner M: rows x columns; mask: one bit an element, 1 = keep; rz: rows. With FIRST p = z.
// LANES invocations a row; `columns` counts values of WIDTH elements. Reads 4 words and writes one an element.
#import grid
#import row_lanes
#import kept_value
const FIRST = false;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> r: array<Value>;
@group(0) @binding(2) var<storage, read> z: array<Value>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> p: array<Value>;
@group(0) @binding(5) var<storage, read_write> rz: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let row = min(index, params.rows - 1u);
  let start = row * params.columns;

  let previous_size = rz[row]; // before the barriers of row_sum, behind which the row's first invocation overwrites it
  var size = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let residual = r[start + i];
    let preconditioned = z[start + i];
    for (var c = 0u; c < WIDTH; c++) { size += residual[c] * preconditioned[c]; }
  }
  size = row_sum(lane, size);

  if (index >= params.rows) { return; }
  var beta = 0.0;
  if (!FIRST) { beta = select(0.0, size / previous_size, previous_size > 0.0); }
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let at = start + i;
    var direction = z[at];
    if (!FIRST) {
      let previous = p[at];
      for (var c = 0u; c < WIDTH; c++) { direction[c] += beta * previous[c]; }
    }
    p[at] = kept(direction, mask_of(at));
  }
  if (lane % LANES == 0u) { rz[row] = size; }
}
