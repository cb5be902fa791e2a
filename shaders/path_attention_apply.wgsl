// Products of rows with the sums of path attention:
//   y[b, t, h, e] = sum_d share[b, t, h, d] sums[b, h, d, e]        x is k if OF_KEYS, else q
//   GRADIENT: y[b, t, h, d] = f sum_e sums[b, h, d, e] x[b, t, h, e] with the factor f of share[b, t, h, d]: the gradient by k or q
// Element (b, t, h, d) of x lies at x_offset + (b * tokens + t) * x_stride + h * head_dim + d, that of y likewise; the others as in
// path_attention_sums.wgsl. One invocation has four elements of four tokens; `count` of them. Neighbours share their loads in the cache.
#import grid
#import path_attention

const GRADIENT = false;
const TOKENS = 4u;

struct Params {
  count: u32, tokens: u32, heads: u32, head_dim: u32,
  x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Value>;
@group(0) @binding(2) var<storage, read> sums: array<vec4f>;
@group(0) @binding(3) var<storage, read> key_totals: array<vec4f>;
@group(0) @binding(4) var<storage, read> inverse_norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn load(row: u32, quad: u32) -> vec4f {
  let at = (row + 4u * quad) / WIDTH;
  return quad_of(x[at], x[at + 1u], x[at + 2u], x[at + 3u], 4u * quad);
}

fn store(row: u32, quad: u32, values: vec4f) {
  for (var c = 0u; c < 4u; c++) {
    let d = 4u * quad + c;
    if (d < params.head_dim) { y[row + d] = values[c]; }
  }
}

@compute @workgroup_size(GROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * GROUP + lane;
  if (i >= params.count) { return; }
  let quads = (params.head_dim + 3u) / 4u;
  let blocks = (params.tokens + TOKENS - 1u) / TOKENS;
  let mine = i % quads;
  let first = i / quads % blocks * TOKENS;
  let head_row = i / (quads * blocks); // of image and head
  let head = head_row % params.heads;
  // Tokens past the end repeat the last one, which the invocation then writes more than once.
  let tokens = head_row / params.heads * params.tokens + min(vec4u(first) + STEPS, vec4u(params.tokens - 1u));

  var norms = vec4f(1.0);
  if (!OF_KEYS) {
    let at = tokens * params.heads + head;
    norms = vec4f(inverse_norms[at.x], inverse_norms[at.y], inverse_norms[at.z], inverse_norms[at.w]);
  }
  let x_rows = params.x_offset + tokens * params.x_stride + head * params.head_dim;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var n = 0u; n < quads; n++) {
    let at = (head_row * quads + select(n, mine, GRADIENT)) * 4u * quads + select(mine, n, GRADIENT);
    let block = mat4x4f(sums[at], sums[at + quads], sums[at + 2u * quads], sums[at + 3u * quads]);
    let x0 = load(x_rows.x, n);
    let x1 = load(x_rows.y, n);
    let x2 = load(x_rows.z, n);
    let x3 = load(x_rows.w, n);
    if (GRADIENT) {
      sum0 += x0 * block;
      sum1 += x1 * block;
      sum2 += x2 * block;
      sum3 += x3 * block;
    } else {
      let scale = share_scale(key_totals[head_row * quads + n]);
      sum0 += block * (x0 * scale * norms.x);
      sum1 += block * (x1 * scale * norms.y);
      sum2 += block * (x2 * scale * norms.z);
      sum3 += block * (x3 * scale * norms.w);
    }
  }
  if (GRADIENT) {
    let scale = share_scale(key_totals[head_row * quads + mine]);
    sum0 *= scale * norms.x;
    sum1 *= scale * norms.y;
    sum2 *= scale * norms.z;
    sum3 *= scale * norms.w;
  }
  let y_rows = params.y_offset + tokens * params.y_stride + head * params.head_dim;
  store(y_rows.x, mine, sum0);
  store(y_rows.y, mine, sum1);
  store(y_rows.z, mine, sum2);
  store(y_rows.w, mine, sum3);
}
