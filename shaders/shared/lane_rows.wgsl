// Tiles of lane_tile where the product may have too few rows for a whole one: with HALF only the first two of the four runs of LANES rows count.
#import lane_tile
const HALF = false;
const TILE_ROWS = select(ROWS, ROWS / 2u, HALF);

fn add_rows(tile: ptr<function, Tile>, rows: mat4x4f, block: mat4x4f) {
  if (!HALF) {
    add_product(tile, rows, block);
    return;
  }
  (*tile).low0 = add_block((*tile).low0, block, low(rows[0]));
  (*tile).low1 = add_block((*tile).low1, block, low(rows[1]));
  if (LANES == 8u) {
    (*tile).high0 = add_block((*tile).high0, block, high(rows[0]));
    (*tile).high1 = add_block((*tile).high1, block, high(rows[1]));
  }
}
