// What a workgroup of THREADS invocations skips of a masked product, in tiles of ROWS x COLUMNS: blocks of BLOCK k by COLUMNS columns of op(b), and tiles
// of out, that the mask keeps nothing of. The file that imports it binds `mask` and `params` with m, n and k, and has ROWS, COLUMNS, THREADS and B_TRANSPOSED.
// Every invocation must get here, and all get the same.
#import bits_from

const BLOCK = 32u;
const WINDOW = 32u * BLOCK; // k whose blocks have a bit each in a word

var<workgroup> found: atomic<u32>;
var<workgroup> found_by_all: u32;

fn or_of_all(bits: u32, lane: u32) -> u32 {
  atomicOr(&found, bits);
  workgroupBarrier();
  if (lane == 0u) { found_by_all = atomicExchange(&found, 0u); }
  return workgroupUniformLoad(&found_by_all);
}

// Whether any of 32 neighbours in memory is kept, of a matrix of rows x columns.
fn run_kept(row: u32, column: u32, rows: u32, columns: u32) -> bool {
  if (row >= rows || column >= columns) { return false; }
  return bits_from(row * columns + column, min(32u, columns - column)) != 0u;
}

// Bit i: whether the mask keeps anything of block i of the WINDOW from k on, before k_end.
fn kept_blocks(k: u32, k_end: u32, column: u32, lane: u32) -> u32 {
  var blocks = 0u;
  let count = (min(k_end - k, WINDOW) + BLOCK - 1u) / BLOCK;
  for (var run = lane; run < count * COLUMNS; run += THREADS) {
    if (B_TRANSPOSED) {
      let block = run % count;
      if (run_kept(column + run / count, k + block * BLOCK, params.n, params.k)) { blocks |= 1u << block; }
    } else {
      let runs = COLUMNS / 32u;
      if (run_kept(k + run / runs, column + run % runs * 32u, params.k, params.n)) { blocks |= 1u << (run / runs / BLOCK); }
    }
  }
  return or_of_all(blocks, lane);
}

fn tile_kept(row: u32, column: u32, lane: u32) -> bool {
  var kept = 0u;
  for (var run = lane; run < ROWS * COLUMNS / 32u; run += THREADS) {
    let runs = COLUMNS / 32u;
    kept |= u32(run_kept(row + run / runs, column + run % runs * 32u, params.m, params.n));
  }
  return or_of_all(kept, lane) != 0u;
}
