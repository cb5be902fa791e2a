// The gradients of layer_norm_grad.wgsl and layer_norm_weight_grad.wgsl at once, of short rows as in layer_norm_short.wgsl: x and dy are read once.
// x, dy, dx: rows x columns; mean, rstd: rows; d_weight, d_bias: ceil(rows / EACH) x columns, sums over EACH rows. COLUMNS counts vec4.
// One workgroup is one subgroup and takes EACH rows, one after the other. Lane l holds vec4 l, LANES + l, ... of dy, of x as it is normalised, of the
// weight and of both sums.
#import held_row
#import grid
const EACH = 64u;

struct Params { rows: u32, columns: u32, count: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> weight: array<Value>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> rstd: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<Value>;
@group(0) @binding(6) var<storage, read_write> dx: array<Value>;
@group(0) @binding(7) var<storage, read_write> d_weight: array<Value>;
@group(0) @binding(8) var<storage, read_write> d_bias: array<Value>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let place = linear_group(group, groups);
  var row = place * EACH;
  let last_row = min(row + EACH, params.rows);
  if (row >= last_row) { return; }
  let share = 1.0 / params.count;

  var weights = Held();
  for (var i = lane; i < params.columns; i += LANES) { weights[i / LANES] = weight[i]; }
  var weight_sums = Held();
  var bias_sums = Held();
  loop {
    let start = row * COLUMNS;
    let end = start + params.columns;
    let center = mean[row];
    let scale = rstd[row];
    var normals = array<Part, PARTS>();
    var upstreams = array<Part, PARTS>();
    var at = start + lane;
    loop {
      for (var p = 0u; p + 1u < PARTS; p++) {
        normals[p] = normals[p + 1u];
        upstreams[p] = upstreams[p + 1u];
      }
      var normal = Part();
      var upstream = Part();
      for (var h = 0u; h < PART; h++) {
        let i = nearest(at + h * LANES, end);
        normal[h] = x[i];
        upstream[h] = dy[i];
      }
      for (var h = 0u; h < PART; h++) { normal[h] = (normal[h] - center) * scale; }
      normals[PARTS - 1u] = normal;
      upstreams[PARTS - 1u] = upstream;
      at += PART * LANES;
      if (PARTS == 1u || at >= end + lane) { break; }
    }
    var total = Value();
    var projected = Value();
    for (var h = 0u; h < HELD; h++) {
      let n = normals[h / PART][h % PART];
      let upstream = select(Value(), upstreams[h / PART][h % PART], in_row(h, lane));
      weight_sums[h] += upstream * n;
      bias_sums[h] += upstream;
      let g = upstream * weights[h];
      total += g;
      projected += g * n;
    }
    let mean_g = row_sum(total) * share;
    let mean_gn = row_sum(projected) * share;
    for (var h = 0u; h < HELD; h++) {
      if (in_row(h, lane)) {
        let g = upstreams[h / PART][h % PART] * weights[h];
        dx[start + h * LANES + lane] = scale * (g - mean_g - normals[h / PART][h % PART] * mean_gn);
      }
    }
    continuing {
      row++;
      break if row >= last_row;
    }
  }
  for (var i = lane; i < params.columns; i += LANES) {
    d_weight[place * COLUMNS + i] = weight_sums[i / LANES];
    d_bias[place * COLUMNS + i] = bias_sums[i / LANES];
  }
}
