// First pass of group scores whose elements lie apart: sums of term(a, w) over blocks of rows
// a, w: rows x columns; sums: blocks x columns, with at most STEPS rows a block. One invocation a value of columns and block.
#import grid
#import value
#import saliency_term

const GROUP = 64u;
const STEPS = 64u;

struct Params { rows: u32, columns: u32, blocks: u32 } // columns in values

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Value>;
@group(0) @binding(2) var<storage, read> w: array<Value>;
@group(0) @binding(3) var<storage, read_write> sums: array<Value>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * GROUP + lane;
  let block = at / params.columns;
  if (block >= params.blocks) { return; }
  let column = at - block * params.columns;
  var total = Value(0.0);
  for (var s = 0u; s < STEPS; s++) {
    let row = block * STEPS + s;
    if (row < params.rows) {
      let i = row * params.columns + column;
      total += saliency_term(a[i], w[i]);
    }
  }
  sums[at] = total;
}
