// First half of a step of conjugate gradients in each row, on the elements that the mask keeps; the others of x stay, those of r are zero:
//   alpha = rz / (p q^T), x += alpha p, r -= alpha q
// x, r, p, q = p A: rows x columns; mask: one bit an element, 1 = keep; rz: rows. With FIRST only r = q.
// LANES invocations a row; `columns` counts values of WIDTH elements. Reads 6 and writes 2 words an element.
#import grid
#import row_lanes
#import kept_value
const FIRST = false;

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Value>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> p: array<Value>;
@group(0) @binding(4) var<storage, read> rz: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<Value>;
@group(0) @binding(6) var<storage, read_write> r: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let row = min(index, params.rows - 1u);
  let start = row * params.columns;

  var curvature = 0.0;
  if (!FIRST) {
    for (var i = lane % LANES; i < params.columns; i += LANES) {
      let direction = p[start + i];
      let image = q[start + i];
      for (var c = 0u; c < WIDTH; c++) { curvature += direction[c] * image[c]; }
    }
    curvature = row_sum(lane, curvature);
  }

  if (index >= params.rows) { return; }
  let alpha = select(0.0, rz[row] / curvature, curvature > 0.0); // a converged row has 0 / 0 and stays where it is
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let at = start + i;
    let image = q[at];
    if (FIRST) {
      r[at] = kept(image, mask_of(at));
    } else {
      var value = x[at];
      var residual = r[at];
      let direction = p[at];
      for (var c = 0u; c < WIDTH; c++) {
        value[c] += alpha * direction[c];
        residual[c] -= alpha * image[c];
      }
      x[at] = value;
      r[at] = kept(residual, mask_of(at));
    }
  }
}
