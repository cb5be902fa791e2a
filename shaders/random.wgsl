// y[i] = a random number: uniform in [0, 1), standard normal by Box and Muller where NORMAL, or 1 or -1 where SIGN
// state: [seed, step]
#import elementwise
#import draw
const NORMAL = false;
const SIGN = false;

struct Params { start: u32, end: u32, stream: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Value>;

fn normals(words: vec4u) -> vec4f {
  let uniform01 = unit_interval(words);
  let radius = sqrt(-2.0 * log(1.0 - uniform01.xy)); // 1 - u is never 0
  let angle = 6.2831853 * uniform01.zw - 3.1415927; // WGSL promises its precision within [-pi, pi] only
  return vec4f(radius * cos(angle), radius * sin(angle));
}

fn apply(i: u32) {
  let words = draw_words(block_of(i), params.stream, state[0], state[1]);
  var four = unit_interval(words);
  if (NORMAL) { four = normals(words); }
  if (SIGN) { four = select(vec4f(1.0), vec4f(-1.0), words >= vec4u(0x80000000u)); }
  var value: Value;
  for (var c = 0u; c < WIDTH; c++) { value[c] = four[word_of(i, c)]; }
  y[i] = value;
}
