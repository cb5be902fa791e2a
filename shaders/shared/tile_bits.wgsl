// Scores and keep bits of a tile, by words of 32. Uses scores.

// Bits of the word's scores that lie in the tile.
fn in_tile(word: u32, tile: Tile) -> u32 {
  let start = word * 32u;
  if (start >= tile.end) { return 0u; }
  var bits = 0xffffffffu;
  if (start < tile.first) { bits = bits << (tile.first - start); }
  if (start + 32u > tile.end) { bits &= 0xffffffffu >> (start + 32u - tile.end); }
  return bits;
}

// Four bits of a word, those of its part `part`.
fn bits_of(four: vec4<bool>, part: u32) -> u32 {
  let bits = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), four);
  return (bits.x | bits.y | bits.z | bits.w) << (part * 4u);
}

// Bits of the word's scores whose key is above `limit`.
fn bits_above(word: u32, limit: u32) -> u32 {
  var bits = 0u;
  for (var part = 0u; part < 8u; part++) { bits |= bits_of(score_keys(scores[word * 8u + part]) > vec4u(limit), part); }
  return bits;
}

// Bits of the word's scores with this key.
fn bits_equal(word: u32, key: u32) -> u32 {
  var bits = 0u;
  for (var part = 0u; part < 8u; part++) { bits |= bits_of(score_keys(scores[word * 8u + part]) == vec4u(key), part); }
  return bits;
}
