// Scores as integers in the order of selection: -infinity < ... < -0 = +0 < ... < infinity < NaN. Integer operations only: float comparison may
// flush denormals, and WGSL may assume that there are no NaNs.
const ZERO_KEY = 0x80000000u;
const NAN_KEY = 0xffffffffu;

fn score_keys(bits: vec4u) -> vec4u {
  let magnitude = bits & vec4u(0x7fffffffu);
  let signs = bitcast<vec4u>(bitcast<vec4i>(bits) >> vec4u(31u)); // all ones where negative
  let keys = ((magnitude ^ signs) - signs) + vec4u(ZERO_KEY);
  return select(keys, vec4u(NAN_KEY), magnitude > vec4u(0x7f800000u));
}

fn key_score(key: u32) -> u32 {
  if (key == NAN_KEY) { return 0x7fc00000u; }
  return select(0x80000000u | (ZERO_KEY - key), key - ZERO_KEY, key >= ZERO_KEY);
}
