// Word i of mask: one bit an element of rows x columns, from `blocks`, which has BLOCK bits a row of each block of BLOCK columns
#import elementwise
const BLOCK = 128u;

struct Params { start: u32, end: u32, rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> blocks: array<u32>;
@group(0) @binding(2) var<storage, read_write> mask: array<u32>;

fn apply(i: u32) {
  var word = 0u;
  for (var b = 0u; b < 32u; b++) {
    let row = (i * 32u + b) / params.columns;
    let column = (i * 32u + b) % params.columns;
    if (row < params.rows) {
      let bit = (column / BLOCK * params.rows + row) * BLOCK + column % BLOCK;
      word |= ((blocks[bit / 32u] >> (bit % 32u)) & 1u) << b;
    }
  }
  mask[i] = word;
}
