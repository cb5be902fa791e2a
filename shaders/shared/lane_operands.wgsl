// Operands of a product of lanes in blocks of four: of a, and of op(b) as WEIGHT_AS and bits of a mask say.
// Importers declare a, b, params with m, n and k, B_TRANSPOSED and MASK_B.
#import quad
#import weight_as

// Four neighbours in memory. Of rows that are not whole vec4 the last may bring what follows them.
fn quad_of_a(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(a[element / QUAD]); }
  return vec4f(whole(a[element]).x, whole(a[element + 1u]).x, whole(a[element + 2u]).x, whole(a[element + 3u]).x);
}

fn quad_of_b(element: u32) -> vec4f {
  if (QUAD == 4u) { return whole(b[element / QUAD]); }
  return vec4f(whole(b[element]).x, whole(b[element + 1u]).x, whole(b[element + 2u]).x, whole(b[element + 3u]).x);
}

// Which of k to k + 3 there are.
fn depths(k: u32) -> vec4<bool> { return vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(params.k); }

// Four k of a row of a, zeros past the end.
fn load_a(z: u32, row: u32, k: u32) -> vec4f {
  return select(vec4f(), quad_of_a((z * params.m + row) * params.k + min(k, params.k - 1u) / QUAD * QUAD), depths(k));
}

// Four neighbours of b that `inside` and, with a mask, the lowest four of `bits` keep.
fn load_weights(element: u32, inside: vec4<bool>, bits: u32) -> vec4f {
  var quad = vec4f(1.0);
  if (WEIGHT_AS != ONE) { quad = quad_of_b(element); }
  if (WEIGHT_AS == SQUARE) { quad *= quad; }
  if (!MASK_B) { return select(vec4f(), quad, inside); }
  return select(vec4f(), quad, inside & ((vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u()));
}

// Column i of the result is op(b)[k + i, column .. column + 4], zeros past the end of k; columns past n may be anything. bits: of each quad in memory.
fn load_b(z: u32, k: u32, column: u32, bits: vec4u) -> mat4x4f {
  let start = z * params.k * params.n;
  let inside = depths(k);
  let first = min(k, params.k - 1u) / QUAD * QUAD;
  let columns = min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(params.n - 1u));
  if (B_TRANSPOSED) {
    let at = start + columns * params.k + first;
    return transpose(mat4x4f(
      load_weights(at.x, inside, bits.x), load_weights(at.y, inside, bits.y),
      load_weights(at.z, inside, bits.z), load_weights(at.w, inside, bits.w)));
  }
  let at = start + min(vec4u(k, k + 1u, k + 2u, k + 3u), vec4u(params.k - 1u)) * params.n + columns.x;
  return mat4x4f(
    load_weights(at.x, inside.xxxx, bits.x), load_weights(at.y, inside.yyyy, bits.y),
    load_weights(at.z, inside.zzzz, bits.z), load_weights(at.w, inside.wwww, bits.w));
}
