// Random numbers of a call site: element i takes word i & 3 of Philox at counter (i >> 2, stream, step, 0) with key (seed, 0).
#import philox

fn draw_words(block: u32, stream: u32, seed: u32, step: u32) -> vec4u {
  return philox(vec4u(block, stream, step, 0u), vec2u(seed, 0u));
}

// 24 bits of each word as a number in [0, 1).
fn unit_interval(words: vec4u) -> vec4f { return vec4f(words >> vec4u(8u)) * 0x1p-24; }
