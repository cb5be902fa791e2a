// kept = sum over layers l of share[l] * ratio[rows[l]] * ratio[columns[l]], ratio[r] = max(sigmoid(thresholds[r]), least[r])
// penalty = lambdas[0] * d + lambdas[1] * d^2, d = max(kept - budget, 0)
// thresholds, least: one a ratio; lambdas: 2; kept, penalty: 1. One row of LANES invocations.
#import kept_ratio
#import row_lanes

struct Params { layers: u32, budget: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> thresholds: array<f32>;
@group(0) @binding(2) var<storage, read> least: array<f32>;
@group(0) @binding(3) var<storage, read> layers: array<Layer>;
@group(0) @binding(4) var<storage, read> lambdas: array<f32>;
@group(0) @binding(5) var<storage, read_write> penalty: array<f32>;
@group(0) @binding(6) var<storage, read_write> kept: array<f32>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var l = lane % LANES; l < params.layers; l += LANES) {
    let layer = layers[l];
    total += layer.share * ratio(layer.rows) * ratio(layer.columns);
  }
  total = row_sum(lane, total);
  if (lane != 0u) { return; }
  let excess = max(total - params.budget, 0.0);
  kept[0] = total;
  penalty[0] = (lambdas[0] + lambdas[1] * excess) * excess;
}
