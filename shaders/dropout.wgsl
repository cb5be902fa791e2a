// y[i] = u(i / inner) < keep ? x[i] / keep : 0, with u uniform in [0, 1)
// x, y: length; state: [seed, step]. Four elements a thread; they mostly share one block of random words.
#import grid
#import draw

const GROUP = 64u;

struct Params { length: u32, inner: u32, stream: u32, keep: f32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn draws(block: u32) -> vec4f {
  return unit_interval(draw_words(block, params.stream, state[0], state[1]));
}

fn draw(unit: u32) -> f32 {
  let four = draws(unit >> 2u);
  let pair = select(four.xy, four.zw, (unit & 2u) != 0u);
  return select(pair.x, pair.y, (unit & 1u) != 0u);
}

fn drop(i: u32, u: f32) {
  if (i < params.length) { y[i] = select(0.0, x[i] * params.scale, u < params.keep); }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = linear_group(group, groups) * GROUP + lane;
  let i = block * 4u;
  if (i >= params.length) { return; }
  var u: vec4f;
  if (params.inner == 1u) {
    u = draws(block);
  } else {
    let first = i / params.inner;
    if ((i + 3u) / params.inner == first) {
      u = vec4f(draw(first));
    } else {
      u = vec4f(draw(first), draw((i + 1u) / params.inner), draw((i + 2u) / params.inner), draw((i + 3u) / params.inner));
    }
  }
  drop(i, u.x);
  drop(i + 1u, u.y);
  drop(i + 2u, u.z);
  drop(i + 3u, u.w);
}
