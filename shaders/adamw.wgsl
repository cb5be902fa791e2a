// One step of AdamW, in place, with g = gradientScale * gradient and [learningRate, correction1, correction2, gradientScale] = schedule:
//   firstMoment  = beta1 * firstMoment  + (1 - beta1) * g
//   secondMoment = beta2 * secondMoment + (1 - beta2) * g^2
//   weight = weight * (1 - learningRate * decay) - learningRate * correction1 * firstMoment / (sqrt(correction2 * secondMoment) + epsilon)
// weight, gradient, firstMoment, secondMoment: length. Where MASKED and the mask has a 0, nothing changes.
#import elementwise
#import value
#import mask_bits
const MASKED = false;

struct Params {
  start: u32, end: u32,
  beta1: f32, beta2: f32,
  rest1: f32, rest2: f32, // 1 - beta, rounded once
  epsilon: f32, decay: f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Value>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> weight: array<Value>;
@group(0) @binding(5) var<storage, read_write> firstMoment: array<Value>;
@group(0) @binding(6) var<storage, read_write> secondMoment: array<Value>;

fn apply(i: u32) {
  let shrink = 1.0 - schedule[0] * params.decay;
  let rate = schedule[0] * schedule[1];
  let g = schedule[3] * gradient[i];
  let w = weight[i];
  let m0 = firstMoment[i];
  let v0 = secondMoment[i];
  var m = params.beta1 * m0 + params.rest1 * g;
  var v = params.beta2 * v0 + params.rest2 * g * g;
  var next = w * shrink - rate * m / (sqrt(schedule[2] * v) + params.epsilon);
  if (MASKED) {
    let kept = mask_bits(mask[mask_word(i)], i) != Bits(0u);
    next = select(w, next, kept);
    m = select(m0, m, kept);
    v = select(v0, v, kept);
  }
  weight[i] = next;
  firstMoment[i] = m;
  secondMoment[i] = v;
}
