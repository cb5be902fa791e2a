// Ties of a tile's words. Uses scores, and ends as select_bracket leaves them.

// Bits of the scores of the tile's word number `place` that equal the threshold.
fn tied_bits(place: u32, tile: Tile, selection: Selection) -> u32 {
  if (selection.end != NO_END) { return ends[tile.block * BLOCK_WORDS + place][selection.end - LOW_END]; }
  let word = tile.first / 32u + place;
  return bits_equal(word, selection.key) & in_tile(word, tile);
}
