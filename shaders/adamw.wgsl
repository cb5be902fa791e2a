// One step of AdamW, in place, with g = gradientScale * gradient and [learningRate, correction1, correction2, gradientScale] = schedule:
//   firstMoment  = beta1 * firstMoment  + (1 - beta1) * g
//   secondMoment = beta2 * secondMoment + (1 - beta2) * g^2
//   weight = weight * (1 - learningRate * decay) - learningRate * correction1 * firstMoment / (sqrt(correction2 * secondMoment) + epsilon)
// weight, gradient, firstMoment, secondMoment: length. Where MASKED and the mask has a 0, nothing changes.
#import grid
#import lanes
#import mask_lane

const GROUP = 64u;
const TURNS = 4u;
const MASKED = false;

struct Params {
  start: u32, end: u32, // in lanes
  beta1: f32, beta2: f32,
  rest1: f32, rest2: f32, // 1 - beta, rounded once
  epsilon: f32, decay: f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Lane>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> weight: array<Lane>;
@group(0) @binding(5) var<storage, read_write> firstMoment: array<Lane>;
@group(0) @binding(6) var<storage, read_write> secondMoment: array<Lane>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let shrink = 1.0 - schedule[0] * params.decay;
  let rate = schedule[0] * schedule[1];
  let correction = schedule[2];
  let scale = schedule[3];
  let first = params.start + linear_group(group, groups) * GROUP * TURNS + lane;
  for (var t = 0u; t < TURNS; t++) {
    let i = first + t * GROUP;
    if (i < params.end) {
      let g = scale * gradient[i];
      let w = weight[i];
      let m0 = firstMoment[i];
      let v0 = secondMoment[i];
      var m = params.beta1 * m0 + params.rest1 * g;
      var v = params.beta2 * v0 + params.rest2 * g * g;
      var next = w * shrink - rate * m / (sqrt(correction * v) + params.epsilon);
      if (MASKED) {
        let kept = lane_bits(mask[lane_word(i)], i) != LaneBits(0u);
        next = select(w, next, kept);
        m = select(m0, m, kept);
        v = select(v0, v, kept);
      }
      weight[i] = next;
      firstMoment[i] = m;
      secondMoment[i] = v;
    }
  }
}
