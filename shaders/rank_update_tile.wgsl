// out[r, c] += scale * sum over k of a[k, r] b[k, c], in place, for all rows r and the columns c from first_column on. Any shape, any device.
// a: depth x a_pitch, of which the first `rows` columns count; b: depth x columns; out: rows x columns.
// Tiles above the diagonal are left out among the first `triangle` columns; with MIRROR they receive the transposes of the tiles below it.
//
//                 TILE columns        One workgroup of 16 x 16 invocations updates TILE x TILE of out and walks along k in steps of DEPTH:
//            DEPTH ┌────────┐         all invocations load one vec4 of each operand into workgroup memory, then each adds the outer
//                  │ b_tile │         products of its 4 rows and 4 columns.
//            DEPTH ├────────┤
//  (transposed)    │ a_tile │
//                  └────────┘
#import grid
#import update_tile

const TILE = 64u;
const DEPTH = 16u;
const QUADS = 16u; // vec4 along a tile's side

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> a_tile: array<vec4f, DEPTH * QUADS>; // [k][row / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * QUADS>; // [k][column / 4]

fn load_a(k: u32, row: u32) -> f32 {
  if (k >= params.depth || row >= params.rows) { return 0.0; }
  return a[k * params.a_pitch + row];
}

fn load_b(k: u32, column: u32) -> f32 {
  if (k >= params.depth || column >= params.columns) { return 0.0; }
  return b[k * params.columns + column];
}

@compute @workgroup_size(QUADS * QUADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(linear_group(group, groups), TILE);
  if (left_out(place)) { return; }
  // Neighbouring invocations load neighbouring words of the operands.
  let quad = lane % QUADS;
  let step = lane / QUADS;
  let a_row = place.row + 4u * quad;
  let b_column = place.column + 4u * quad;

  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var first = 0u; first < params.depth; first += DEPTH) {
    let k = first + step;
    a_tile[lane] = vec4f(load_a(k, a_row), load_a(k, a_row + 1u), load_a(k, a_row + 2u), load_a(k, a_row + 3u));
    b_tile[lane] = vec4f(load_b(k, b_column), load_b(k, b_column + 1u), load_b(k, b_column + 2u), load_b(k, b_column + 3u));
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let x = a_tile[d * QUADS + step];
      let y = b_tile[d * QUADS + quad];
      row0 = fma(vec4f(x.x), y, row0);
      row1 = fma(vec4f(x.y), y, row1);
      row2 = fma(vec4f(x.z), y, row2);
      row3 = fma(vec4f(x.w), y, row3);
    }
    workgroupBarrier();
  }

  // A loop, as sixteen unrolled updates would take software drivers seconds to compile.
  let rows = mat4x4f(row0, row1, row2, row3);
  for (var i = 0u; i < 16u; i++) {
    let row = place.row + 4u * step + i / 4u;
    let column = place.column + 4u * quad + i % 4u;
    if (row < params.rows && column < params.columns) {
      let value = out[row * params.columns + column] + params.scale * rows[i / 4u][i % 4u];
      out[row * params.columns + column] = value;
      if (MIRROR && place.row > place.column) { out[column * params.columns + row] = value; }
    }
  }
}
