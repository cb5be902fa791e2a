// Scores as integers in the order of selection: pruned units < -infinity < ... < -0 = +0 < ... < infinity < NaN < units that must stay. Integer
// operations only: float comparison may flush denormals, and WGSL may assume that there are no NaNs.
const ZERO_KEY = 0x80000000u;
const LOWEST_KEY = 0x00800000u; // of -infinity
const NAN_KEY = 0xff900000u;
const OPEN_KEY = 0xffffffffu; // above all keys

// Signalling NaNs, which no arithmetic makes, in place of the scores of units that are pruned already and of units that must stay.
const PRUNED_SCORE = 0xffa00001u;
const STAYING_SCORE = 0x7fa00001u;
const STAYING_KEY = ZERO_KEY + STAYING_SCORE;

fn score_keys(bits: vec4u) -> vec4u {
  let magnitude = bits & vec4u(0x7fffffffu);
  let signs = bitcast<vec4u>(bitcast<vec4i>(bits) >> vec4u(31u)); // all ones where negative
  let keys = ((magnitude ^ signs) - signs) + vec4u(ZERO_KEY);
  return select(keys, vec4u(NAN_KEY), (magnitude > vec4u(0x7f800000u)) & (magnitude != vec4u(STAYING_SCORE)));
}

fn key_score(key: u32) -> u32 {
  if (key >= NAN_KEY) { return 0x7fc00000u; }
  if (key <= LOWEST_KEY) { return 0xff800000u; }
  return select(0x80000000u | (ZERO_KEY - key), key - ZERO_KEY, key >= ZERO_KEY);
}
