// Tiles of ROWS x COLUMNS elements in the registers of one subgroup that is a whole workgroup, for drivers that run a subgroup as one vector
// of the CPU.
// Lane l holds columns 4 l to 4 l + 3 of every row as 4 x 4 blocks, whose column i is the block's row i.
#import lane_blocks
const ROWS = 4u * LANES;
const COLUMNS = 4u * LANES;
const STEPS = vec4u(0u, 1u, 2u, 3u);

// Lane l brings rows first_g + l for g = 0 to 3: low_g has those of lanes 0 to 3, high_g those of lanes 4 to 7 (none with LANES = 4).
struct Tile {
  low0: mat4x4f, low1: mat4x4f, low2: mat4x4f, low3: mat4x4f,
  high0: mat4x4f, high1: mat4x4f, high2: mat4x4f, high3: mat4x4f,
}

// Adds the products over four summed elements: column g of `rows` is what this lane brings for its row of low_g or high_g,
// column i of `block` is the i-th element's values at this lane's four columns.
fn add_product(tile: ptr<function, Tile>, rows: mat4x4f, block: mat4x4f) {
  (*tile).low0 = add_block((*tile).low0, block, low(rows[0]));
  (*tile).low1 = add_block((*tile).low1, block, low(rows[1]));
  (*tile).low2 = add_block((*tile).low2, block, low(rows[2]));
  (*tile).low3 = add_block((*tile).low3, block, low(rows[3]));
  if (LANES == 8u) {
    (*tile).high0 = add_block((*tile).high0, block, high(rows[0]));
    (*tile).high1 = add_block((*tile).high1, block, high(rows[1]));
    (*tile).high2 = add_block((*tile).high2, block, high(rows[2]));
    (*tile).high3 = add_block((*tile).high3, block, high(rows[3]));
  }
}

// The same for an operand whose values lie together by rows: lane l brings four rows of summed element l % 4, namely those of block l / 4 of low_g and high_g
// in column g of `columns`.
fn add_transposed(tile: ptr<function, Tile>, columns: mat4x4f, block: mat4x4f) {
  add_half_transposed(tile, columns, block);
  (*tile).low2 = add_block((*tile).low2, block, transpose(low(columns[2])));
  (*tile).low3 = add_block((*tile).low3, block, transpose(low(columns[3])));
  if (LANES == 8u) {
    (*tile).high2 = add_block((*tile).high2, block, transpose(high(columns[2])));
    (*tile).high3 = add_block((*tile).high3, block, transpose(high(columns[3])));
  }
}

fn add_half_transposed(tile: ptr<function, Tile>, columns: mat4x4f, block: mat4x4f) {
  (*tile).low0 = add_block((*tile).low0, block, transpose(low(columns[0])));
  (*tile).low1 = add_block((*tile).low1, block, transpose(low(columns[1])));
  if (LANES == 8u) {
    (*tile).high0 = add_block((*tile).high0, block, transpose(high(columns[0])));
    (*tile).high1 = add_block((*tile).high1, block, transpose(high(columns[1])));
  }
}

// Block n of a tile, low_g at g and high_g at 4 + g, for loops over the blocks: unrolled, a write-out takes the driver's compiler long.
fn tile_block(tile: ptr<function, Tile>, n: u32) -> mat4x4f {
  var block = (*tile).low0;
  if (n == 1u) { block = (*tile).low1; }
  if (n == 2u) { block = (*tile).low2; }
  if (n == 3u) { block = (*tile).low3; }
  if (LANES == 8u) {
    if (n == 4u) { block = (*tile).high0; }
    if (n == 5u) { block = (*tile).high1; }
    if (n == 6u) { block = (*tile).high2; }
    if (n == 7u) { block = (*tile).high3; }
  }
  return block;
}

fn set_block(tile: ptr<function, Tile>, n: u32, block: mat4x4f) {
  if (n == 0u) { (*tile).low0 = block; }
  if (n == 1u) { (*tile).low1 = block; }
  if (n == 2u) { (*tile).low2 = block; }
  if (n == 3u) { (*tile).low3 = block; }
  if (LANES == 8u) {
    if (n == 4u) { (*tile).high0 = block; }
    if (n == 5u) { (*tile).high1 = block; }
    if (n == 6u) { (*tile).high2 = block; }
    if (n == 7u) { (*tile).high3 = block; }
  }
}

// Four rows of a product whose summed elements lie across the lanes: column i of `rows` has this lane's four elements of row i, and block n of the tile is
// what lane n's elements are multiplied with.
fn product_over_lanes(rows: mat4x4f, blocks: ptr<function, Tile>) -> mat4x4f {
  var sum = mat4x4f();
  sum = add_block(sum, (*blocks).low0, mat4x4f(subgroupBroadcast(rows[0], 0u), subgroupBroadcast(rows[1], 0u), subgroupBroadcast(rows[2], 0u), subgroupBroadcast(rows[3], 0u)));
  sum = add_block(sum, (*blocks).low1, mat4x4f(subgroupBroadcast(rows[0], 1u), subgroupBroadcast(rows[1], 1u), subgroupBroadcast(rows[2], 1u), subgroupBroadcast(rows[3], 1u)));
  sum = add_block(sum, (*blocks).low2, mat4x4f(subgroupBroadcast(rows[0], 2u), subgroupBroadcast(rows[1], 2u), subgroupBroadcast(rows[2], 2u), subgroupBroadcast(rows[3], 2u)));
  sum = add_block(sum, (*blocks).low3, mat4x4f(subgroupBroadcast(rows[0], 3u), subgroupBroadcast(rows[1], 3u), subgroupBroadcast(rows[2], 3u), subgroupBroadcast(rows[3], 3u)));
  if (LANES == 8u) {
    sum = add_block(sum, (*blocks).high0, mat4x4f(subgroupBroadcast(rows[0], 4u), subgroupBroadcast(rows[1], 4u), subgroupBroadcast(rows[2], 4u), subgroupBroadcast(rows[3], 4u)));
    sum = add_block(sum, (*blocks).high1, mat4x4f(subgroupBroadcast(rows[0], 5u), subgroupBroadcast(rows[1], 5u), subgroupBroadcast(rows[2], 5u), subgroupBroadcast(rows[3], 5u)));
    sum = add_block(sum, (*blocks).high2, mat4x4f(subgroupBroadcast(rows[0], 6u), subgroupBroadcast(rows[1], 6u), subgroupBroadcast(rows[2], 6u), subgroupBroadcast(rows[3], 6u)));
    sum = add_block(sum, (*blocks).high3, mat4x4f(subgroupBroadcast(rows[0], 7u), subgroupBroadcast(rows[1], 7u), subgroupBroadcast(rows[2], 7u), subgroupBroadcast(rows[3], 7u)));
  }
  return sum;
}

fn block_row(block: mat4x4f, i: u32) -> vec4f {
  var row = block[0];
  if (i == 1u) { row = block[1]; }
  if (i == 2u) { row = block[2]; }
  if (i == 3u) { row = block[3]; }
  return row;
}

// The block that holds rows 4 n to 4 n + 3 of what the lanes brought in the order first + g * LANES + l.
fn block_of_quad(n: u32) -> u32 {
  return select(n, n / 2u + n % 2u * 4u, LANES == 8u);
}
