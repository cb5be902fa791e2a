// y[offset + (band, part, c)] = scale * sum of term(band, r, c) over the rows r of the part; the largest with MAX, square root before scale with ROOT
// Terms: bands x rows x columns; y: bands x parts x columns, part p takes ROWS rows from p * ROWS. `columns` counts values.
// One invocation a value of y.
#import grid
#import value
#import term
#import combine
const GROUP = 64u;
const ROWS = 64u;
const ROOT = false;

struct Params { rows: u32, columns: u32, parts: u32, count: u32, offset: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = linear_group(group, groups) * GROUP + lane;
  if (item >= params.count) { return; }
  let part = item / params.columns;
  let band = part / params.parts;
  let first = (part - band * params.parts) * ROWS;
  let start = (band * params.rows + first) * params.columns + item % params.columns;
  let rows = min(ROWS, params.rows - first);
  var result = term(start);
  for (var r = 1u; r < rows; r++) { result = combine(result, term(start + r * params.columns)); }
  if (ROOT) { result = sqrt(result); }
  result *= params.scale;
  let at = params.offset / WIDTH + item;
  if (ACCUMULATE) { result = combine(y[at], result); }
  y[at] = result;
}
