// out[z][c][r] = x[z][r][c]. x: batches x rows x columns, out: batches x columns x rows.
// An invocation turns a block of 4 x 4, so that both what it reads and what it writes lie together in fours.
#import grid
#import quad

alias Element = f32; // of out: f16
const GROUP = 64u;

struct Params { rows: u32, columns: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Quad>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;

fn quad_of_x(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(x[element / QUAD]); }
  return vec4f(whole(x[element]).x, whole(x[element + 1u]).x, whole(x[element + 2u]).x, whole(x[element + 3u]).x);
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let across = (params.columns + 3u) / 4u;
  let down = (params.rows + 3u) / 4u;
  let block = linear_group(group, groups) * GROUP + local;
  let z = block / (across * down);
  if (z >= params.batches) { return; }
  // Neighbours stand below each other: together they write a whole row of out.
  let row = block % down * 4u;
  let column = block / down % across * 4u;
  let start = z * params.rows * params.columns;
  let at = start + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(params.rows - 1u)) * params.columns + column;
  let turned = transpose(mat4x4f(quad_of_x(at.x), quad_of_x(at.y), quad_of_x(at.z), quad_of_x(at.w)));
  for (var c = 0u; c < 4u; c++) {
    for (var r = 0u; r < 4u; r++) {
      if (column + c < params.columns && row + r < params.rows) { out[start + (column + c) * params.rows + row + r] = Element(turned[c][r]); }
    }
  }
}
