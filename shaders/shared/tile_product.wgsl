// Products of TILE x DEPTH by DEPTH x TILE in workgroup memory, for 16 x 16 invocations with 4 x 4 sums each, as in matmul_tile.
const TILE = 64u;
const DEPTH = 16u;
const QUADS = 16u; // vec4 along a tile's side
const PITCH = 17u; // one more than QUADS, so that writes along k fall into different banks

var<workgroup> a_tile: array<vec4f, DEPTH * PITCH>; // [k][row / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * PITCH>; // [k][column / 4]

// Column i of `sums` is row i of the four rows of `quad_row`, for the four columns of `quad_column`.
fn add_tiles(sums: ptr<function, mat4x4f>, quad_row: u32, quad_column: u32) {
  for (var d = 0u; d < DEPTH; d++) {
    let x = a_tile[d * PITCH + quad_row];
    let y = b_tile[d * PITCH + quad_column];
    (*sums)[0] = fma(vec4f(x.x), y, (*sums)[0]);
    (*sums)[1] = fma(vec4f(x.y), y, (*sums)[1]);
    (*sums)[2] = fma(vec4f(x.z), y, (*sums)[2]);
    (*sums)[3] = fma(vec4f(x.w), y, (*sums)[3]);
  }
}
