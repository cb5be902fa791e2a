// y[i] = a random number: uniform in [0, 1), or standard normal by Box and Muller where NORMAL
// y: length; state: [seed, step]. Four elements a thread, from one block of random words.
#import grid
#import draw

const GROUP = 64u;
const NORMAL = false;

struct Params { length: u32, stream: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn normals(words: vec4u) -> vec4f {
  let uniform01 = unit_interval(words);
  let radius = sqrt(-2.0 * log(1.0 - uniform01.xy)); // 1 - u is never 0
  let angle = 6.2831853 * uniform01.zw - 3.1415927; // WGSL promises its precision within [-pi, pi] only
  return vec4f(radius * cos(angle), radius * sin(angle));
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = linear_group(group, groups) * GROUP + lane;
  let i = block * 4u;
  if (i >= params.length) { return; }
  let words = draw_words(block, params.stream, state[0], state[1]);
  var value: vec4f;
  if (NORMAL) { value = normals(words); } else { value = unit_interval(words); }
  y[i] = value.x;
  if (i + 1u < params.length) { y[i + 1u] = value.y; }
  if (i + 2u < params.length) { y[i + 2u] = value.z; }
  if (i + 3u < params.length) { y[i + 3u] = value.w; }
}
