// out[z] = a[z] op(b[z]), then the epilogue: the product of matmul_tile.wgsl where a is a single row, of which a tile would use a sixty-fourth.
// a: k, op(b): k x n, stored n x k when B_TRANSPOSED, out: n. LANES invocations a column:
//
//   a             [ 0 1 .. LANES-1 | 0 1 .. ]
//   b, a column   [ 0 1 .. LANES-1 | 0 1 .. ]  ->  out[column]      each number multiplies and adds up its own values
//
// b's elements count as WEIGHT_AS says; with MASK_B a zero bit of `mask` makes its element zero. `depth` counts quads of a. Quads of b lie along k, so
// they need B_TRANSPOSED.
#import grid
#import epilogue
#import row_lanes
#import quad
#import weight_as

const B_TRANSPOSED = false;
const MASK_B = false;

struct Params { n: u32, depth: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Quad>;
@group(0) @binding(2) var<storage, read> b: array<Quad>;

// Quad `place` of matrix z.
fn load_b(z: u32, place: u32) -> vec4f {
  var weights = vec4f(1.0);
  if (WEIGHT_AS != ONE) { weights = whole(b[z * params.n * params.depth + place]); }
  if (WEIGHT_AS == SQUARE) { weights *= weights; }
  if (!MASK_B) { return weights; }
  let element = place * QUAD;
  let bits = vec4u(mask[element / 32u] >> (element % 32u));
  return select(vec4f(), weights, (bits & vec4u(1u, 2u, 4u, 8u)) != vec4u());
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = linear_group(group, groups) * ROWS + lane / LANES;
  let count = params.batches * params.n;
  let z = min(index, count - 1u) / params.n;
  let column = min(index, count - 1u) % params.n;

  var total = vec4f();
  for (var i = lane % LANES; i < params.depth; i += LANES) {
    let place = select(i * params.n + column, column * params.depth + i, B_TRANSPOSED);
    total = fma(whole(a[z * params.depth + i]), load_b(z, place), total);
  }
  let sum = row_sum(lane, select(total.x, (total.x + total.y) + (total.z + total.w), QUAD == 4u));
  if (index < count && lane % LANES == 0u) { write_out(z * params.n, column, column, sum); }
}
