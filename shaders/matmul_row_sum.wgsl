// out[r, c] = sum over k of a[r, k], then the epilogue: the product of matmul_tile.wgsl with an operand b that is one everywhere.
// a: rows x k, out: rows x n. LANES invocations a row:
//
//                  k                          n
//   row   [ 0 1 .. LANES-1 | 0 1 .. ]  ->  [ sum sum sum .. ]      each number adds up its own values, then writes its own columns
//
// `depth` counts quads of a.
#import grid
#import epilogue
#import row_lanes
#import quad

struct Params { rows: u32, n: u32, depth: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = linear_group(group, groups) * ROWS + lane / LANES;
  let start = min(row, params.rows - 1u) * params.depth;

  var total = vec4f();
  for (var i = lane % LANES; i < params.depth; i += LANES) { total += whole(a[start + i]); }
  let sum = row_sum(lane, select(total.x, (total.x + total.y) + (total.z + total.w), QUAD == 4u));

  if (row >= params.rows) { return; }
  for (var column = lane % LANES; column < params.n; column += LANES) { write_out(0u, row * params.n + column, column, sum); }
}
