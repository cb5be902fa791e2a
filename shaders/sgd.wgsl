// One step of SGD with momentum, in place, with [learningRate, -, -, gradientScale] = schedule:
//   g = gradientScale * gradient + decay * weight;  velocity = momentum * velocity + g
//   weight = weight - learningRate * (NESTEROV ? g + momentum * velocity : velocity)
// weight, gradient, velocity: length. Where MASKED and the mask has a 0, nothing changes.
#import elementwise
#import value
#import mask_bits
const MASKED = false;
const NESTEROV = false;

struct Params { start: u32, end: u32, momentum: f32, decay: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Value>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> weight: array<Value>;
@group(0) @binding(5) var<storage, read_write> velocity: array<Value>;

fn apply(i: u32) {
  let rate = schedule[0];
  let w = weight[i];
  let v0 = velocity[i];
  let g = schedule[3] * gradient[i] + params.decay * w;
  var v = params.momentum * v0 + g;
  var next = w - rate * v;
  if (NESTEROV) { next = w - rate * (g + params.momentum * v); }
  if (MASKED) {
    let kept = mask_bits(mask[mask_word(i)], i) != Bits(0u);
    next = select(w, next, kept);
    v = select(v0, v, kept);
  }
  weight[i] = next;
  velocity[i] = v;
}
