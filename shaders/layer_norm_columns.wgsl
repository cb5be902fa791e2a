// y[r, j] = (x[r, c] - mean[r]) * rstd[r] * weight[c] + bias[c] with c = source[j]: the columns of layer_norm.wgsl that a layer behind it reads
// x: rows x columns; weight, bias: columns; source: kept columns; y: rows x kept; mean, rstd: rows, over all columns as there. `columns` counts values
// of one or four elements; `elements` is x again, element by element. LANES invocations take EACH rows, ROWS apart.
#import grid
#import row_moments
alias Element = f32; // f16
const EACH = 1u;

struct Params { rows: u32, columns: u32, kept: u32, count: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Stored>;
@group(0) @binding(2) var<storage, read> elements: array<Element>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> source: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<Element>;
@group(0) @binding(7) var<storage, read_write> mean: array<f32>;
@group(0) @binding(8) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * (ROWS * EACH) + lane / LANES;
  var starts = array<u32, EACH>();
  var moments = array<Moments, EACH>();
  for (var e = 0u; e < EACH; e++) {
    let row = first + e * ROWS;
    let start = min(row, params.rows - 1u) * params.columns;
    starts[e] = start * WIDTH;
    moments[e] = moments_of(start, lane);
    if (row < params.rows && lane % LANES == 0u) {
      mean[row] = moments[e].mean;
      rstd[row] = moments[e].rstd;
    }
  }
  for (var j = lane % LANES; j < params.kept; j += LANES) {
    let c = source[j];
    let w = weight[c];
    let b = bias[c];
    for (var e = 0u; e < EACH; e++) {
      let row = first + e * ROWS;
      let normal = (f32(elements[starts[e] + c]) - moments[e].mean) * moments[e].rstd;
      if (row < params.rows) { y[row * params.kept + j] = Element(normal * w + b); }
    }
  }
}
