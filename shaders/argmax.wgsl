// y[r] = the lowest column at which x[r, :] is largest; x: rows x columns; y: rows. LANES invocations a row.
#import grid
#import row_lanes

struct Params { rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.columns;

  var highest = x[start];
  for (var c = lane % LANES; c < params.columns; c += LANES) { highest = max(highest, x[start + c]); }
  highest = row_max(lane, highest);

  var first = params.columns;
  for (var c = lane % LANES; c < params.columns; c += LANES) {
    if (x[start + c] == highest) { first = min(first, c); }
  }
  first = u32(-row_max(lane, -f32(first))); // exact: f32 holds every column up to 2^24
  if (row < params.rows && lane % LANES == 0u) { y[row] = first; }
}
