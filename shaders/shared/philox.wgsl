// Philox 4x32-10, a counter-based generator: four random words from a 128-bit counter and a 64-bit key.
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
const PHILOX_M0 = 0xd2511f53u;
const PHILOX_M1 = 0xcd9e8d57u;
const PHILOX_W0 = 0x9e3779b9u;
const PHILOX_W1 = 0xbb67ae85u;

// High word of a * b, from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let low = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (low >> 16u);
}

fn philox(start: vec4u, seed: vec2u) -> vec4u {
  var counter = start;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiply_high(PHILOX_M0, counter.x);
    let high1 = multiply_high(PHILOX_M1, counter.z);
    counter = vec4u(high1 ^ counter.y ^ key.x, PHILOX_M1 * counter.z, high0 ^ counter.w ^ key.y, PHILOX_M0 * counter.x);
    key += vec2u(PHILOX_W0, PHILOX_W1);
  }
  return counter;
}
