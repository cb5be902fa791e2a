// y[i] = u(i / inner) < keep ? x[i] / keep : 0, with u uniform in [0, 1)
// state: [seed, step]. The elements of a value have a block of draws (inner 1), or share one.
#import elementwise
#import draw

struct Params { start: u32, end: u32, inner: u32, stream: u32, keep: f32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Value>;

fn draws(block: u32) -> vec4f {
  return unit_interval(draw_words(block, params.stream, state[0], state[1]));
}

fn draw(unit: u32) -> f32 {
  let four = draws(unit >> 2u);
  let pair = select(four.xy, four.zw, (unit & 2u) != 0u);
  return select(pair.x, pair.y, (unit & 1u) != 0u);
}

fn apply(i: u32) {
  var value = x[i];
  var four: vec4f;
  if (params.inner == 1u) { four = draws(block_of(i)); } else { four = vec4f(draw((i * WIDTH) / params.inner)); }
  for (var c = 0u; c < WIDTH; c++) { value[c] = select(0.0, value[c] * params.scale, four[word_of(i, c)] < params.keep); }
  y[i] = value;
}
