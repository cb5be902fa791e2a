// y[r, part] = scale * sum of x[r, c] over the columns c of the part; max with MAX, terms x * w with PRODUCT, square root of it all with ROOT
// x, w: rows x columns; y: rows x ceil(columns / CHUNK), part p takes CHUNK columns from p * CHUNK. LANES invocations an element of y.
// `columns` and CHUNK count values of WIDTH elements.
#import grid
#import row_lanes
alias Value = array<f32, 1>; // vec4f where the columns allow
const WIDTH = 1u;
const CHUNK = 1024u;
const MAX = false;
const PRODUCT = false;
const ROOT = false;

struct Params { columns: u32, parts: u32, count: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let item = min(index, params.count - 1u);
  let first = (item % params.parts) * CHUNK;
  let start = (item / params.parts) * params.columns + first;
  let values = min(CHUNK, params.columns - first);

  var result = 0.0;
  if (MAX) { result = x[start][0]; }
  for (var i = lane % LANES; i < values; i += LANES) {
    let value = x[start + i];
    let factor = w[start + i];
    for (var c = 0u; c < WIDTH; c++) {
      let term = select(value[c], value[c] * factor[c], PRODUCT);
      if (MAX) { result = max(result, term); } else { result += term; }
    }
  }
  if (MAX) { result = row_max(lane, result); } else { result = row_sum(lane, result); }
  if (ROOT) { result = sqrt(result); }
  if (lane % LANES == 0u && index < params.count) { y[item] = params.scale * result; }
}
