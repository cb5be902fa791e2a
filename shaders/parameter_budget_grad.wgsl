// Gradients of parameter_budget, with d = max(kept - budget, 0):
//   dthresholds[r] = dpenalty * (lambdas[0] + 2 lambdas[1] d) * dkept/dratio[r] * p (1 - p), p = sigmoid(thresholds[r]); 0 where d = 0 or p < least[r]
//   dlambdas = dpenalty * (d, d^2)
// An invocation takes a threshold and goes through all layers; the first one also writes dlambdas.
#import elementwise
#import kept_ratio

struct Params { start: u32, end: u32, layers: u32, budget: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> thresholds: array<f32>;
@group(0) @binding(2) var<storage, read> least: array<f32>;
@group(0) @binding(3) var<storage, read> layers: array<Layer>;
@group(0) @binding(4) var<storage, read> lambdas: array<f32>;
@group(0) @binding(5) var<storage, read> kept: array<f32>;
@group(0) @binding(6) var<storage, read> dpenalty: array<f32>;
@group(0) @binding(7) var<storage, read_write> dthresholds: array<f32>;
@group(0) @binding(8) var<storage, read_write> dlambdas: array<f32>;

fn apply(r: u32) {
  let excess = max(kept[0] - params.budget, 0.0);
  if (r == 0u) {
    dlambdas[0] = dpenalty[0] * excess;
    dlambdas[1] = dpenalty[0] * excess * excess;
  }
  var slope = 0.0;
  for (var l = 0u; l < params.layers; l++) {
    let layer = layers[l];
    if (layer.rows == r) { slope += layer.share * ratio(layer.columns); }
    if (layer.columns == r) { slope += layer.share * ratio(layer.rows); }
  }
  let p = sigmoid(thresholds[r]);
  let gradient = dpenalty[0] * (lambdas[0] + 2.0 * lambdas[1] * excess) * slope * p * (1.0 - p);
  dthresholds[r] = select(0.0, gradient, excess > 0.0 && p >= least[r]);
}
