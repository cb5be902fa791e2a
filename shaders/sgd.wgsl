// One step of SGD with momentum, in place, with [learningRate, -, -, gradientScale] = schedule:
//   g = gradientScale * gradient + decay * weight;  velocity = momentum * velocity + g
//   weight = weight - learningRate * (NESTEROV ? g + momentum * velocity : velocity)
// weight, gradient, velocity: length. Where MASKED and the mask has a 0, nothing changes.
#import grid
#import lanes
#import mask_lane

const GROUP = 64u;
const TURNS = 4u;
const MASKED = false;
const NESTEROV = false;

struct Params { start: u32, end: u32, momentum: f32, decay: f32 } // start and end in lanes

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Lane>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> weight: array<Lane>;
@group(0) @binding(5) var<storage, read_write> velocity: array<Lane>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rate = schedule[0];
  let scale = schedule[3];
  let first = params.start + linear_group(group, groups) * GROUP * TURNS + lane;
  for (var t = 0u; t < TURNS; t++) {
    let i = first + t * GROUP;
    if (i < params.end) {
      let w = weight[i];
      let v0 = velocity[i];
      let g = scale * gradient[i] + params.decay * w;
      var v = params.momentum * v0 + g;
      var next = w - rate * v;
      if (NESTEROV) { next = w - rate * (g + params.momentum * v); }
      if (MASKED) {
        let kept = lane_bits(mask[lane_word(i)], i) != LaneBits(0u);
        next = select(w, next, kept);
        v = select(v0, v, kept);
      }
      weight[i] = next;
      velocity[i] = v;
    }
  }
}
