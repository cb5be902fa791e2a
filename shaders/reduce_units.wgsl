// y[offset + (unit, part)] = scale * sum of term(band, r, unit, i) over all r and the i of the part; the largest with MAX, square root before
// scale with ROOT
// Terms: bands x rows x period x inner, and bands x period units; y: units x parts, part p takes `chunk` of inner from p * chunk.
// `inner` and `chunk` count values. LANES invocations an element of y:
//   part | 0 1 .. LANES-1 | 0 1 .. LANES-1 | ...   each number combines its own values
#import grid
#import value
#import across
#import term
#import combine
#import row_lanes
const ROOT = false;

struct Params { rows: u32, period: u32, inner: u32, chunk: u32, parts: u32, count: u32, offset: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let item = min(index, params.count - 1u);
  let unit = item / params.parts;
  let band = unit / params.period;
  let first = (item - unit * params.parts) * params.chunk;
  let end = min(first + params.chunk, params.inner);
  let start = (band * params.rows * params.period + unit - band * params.period) * params.inner;

  var total = Value(0.0);
  if (MAX) { total = term(start + min(first + lane % LANES, end - 1u)); }
  for (var r = 0u; r < params.rows; r++) {
    let row = start + r * params.period * params.inner;
    for (var i = first + lane % LANES; i < end; i += LANES) { total = combine(total, term(row + i)); }
  }

  var result: f32;
  if (MAX) { result = row_max(lane, max_across(total)); } else { result = row_sum(lane, sum_across(total)); }
  if (lane % LANES != 0u || index >= params.count) { return; }
  if (ROOT) { result = sqrt(result); }
  result *= params.scale;
  let at = params.offset + item;
  if (ACCUMULATE) { result = select(y[at] + result, max(y[at], result), MAX); }
  y[at] = result;
}
