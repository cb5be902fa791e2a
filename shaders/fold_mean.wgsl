// bias[r] += sum of weight[r, c] * mean[c] over the columns c that the mask removes
// weight: rows x columns; mask: one bit a weight, 1 = keep; mean: columns; bias: rows.
// LANES invocations a row; `columns` counts values of WIDTH elements.
#import grid
#import row_lanes
#import kept_value

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<Value>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> mean: array<Value>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(index, params.rows - 1u) * params.columns;
  var total = 0.0;
  for (var i = lane % LANES; i < params.columns; i += LANES) {
    let removed = kept(weight[start + i], ~mask_of(start + i));
    let center = mean[i];
    for (var c = 0u; c < WIDTH; c++) { total += removed[c] * center[c]; }
  }
  total = row_sum(lane, total);
  if (lane % LANES == 0u && index < params.rows) { bias[index] += total; }
}
