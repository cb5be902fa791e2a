// out = a b, the outer product of m and n values: matmul_tile.wgsl's product for k = 1, of whose epilogue it has what gradients of weights take.
// With MASK_OUT a zero bit of `mask` makes its element zero; with SCORE weight_term(product, w) takes its place, w from `scored`; with ACCUMULATE it is
// added to what out holds.
// columns: n, in values
#import elementwise
#import value
#import mask_bits
#import weight_term

const SCORE = false;
const ACCUMULATE = false;
const MASK_OUT = false;

struct Params { start: u32, end: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<Value>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read> scored: array<Value>;
@group(0) @binding(5) var<storage, read_write> out: array<Value>;

fn apply(i: u32) {
  let row = i / params.columns;
  var product = a[row] * b[i - row * params.columns]; // one division, as lavapipe divides lane by lane
  if (MASK_OUT) { product = select(Value(0.0), product, mask_bits(mask[mask_word(i)], i) != Bits(0u)); }
  if (SCORE) { product = weight_term(product, scored[i]); }
  if (ACCUMULATE) { product += out[i]; }
  out[i] = product;
}
