// Random numbers of a call site: element i takes word i & 3 of Philox at counter (i >> 2, stream, step, 0) with key (seed, 0).
// Values of four elements take a block of words each, and single ones a word each.
#import philox
alias Value = array<f32, 1>; // vec4f
const WIDTH = 1u; // 4u

// The block of four words that holds those of value i.
fn block_of(i: u32) -> u32 { return (i * WIDTH) >> 2u; }

// Which of the block's words is that of component c of value i.
fn word_of(i: u32, c: u32) -> u32 { return select(c, i & 3u, WIDTH == 1u); }

fn draw_words(block: u32, stream: u32, seed: u32, step: u32) -> vec4u {
  return philox(vec4u(block, stream, step, 0u), vec2u(seed, 0u));
}

// 24 bits of each word as a number in [0, 1).
fn unit_interval(words: vec4u) -> vec4f { return vec4f(words >> vec4u(8u)) * 0x1p-24; }
