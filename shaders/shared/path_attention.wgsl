// What the kernels of path attention share. A head's elements are taken four at a time, `quads` of them, zeros past the head's end.
// With K = sum over j of k[j] and D[i] = dot(q[i], K), the share of key j in coordinate d is k[j, d] / K[d], and the share of coordinate d in query i
// q[i, d] K[d] / D[i]: both sum to one, whatever the range of q and k. Where K[d] is zero any other factor does, as it cancels.
#import value
const OF_KEYS = false;
const GROUP = 64u;
const STEPS = vec4u(0u, 1u, 2u, 3u);
const SMALLEST = 1.1754944e-38; // of the normal numbers; devices may flush what is below to zero

// The factors that make elements of a query or key its shares, but for a query's 1 / D.
fn share_scale(key_total: vec4f) -> vec4f {
  let total = select(key_total, vec4f(1.0), abs(key_total) < vec4f(SMALLEST));
  if (OF_KEYS) { return 1.0 / total; }
  return total;
}

// Elements d to d + 3 of a head from the values at four neighbouring places, of which the first has them all where a value is a vec4.
fn quad_of(first: Value, second: Value, third: Value, fourth: Value, d: u32) -> vec4f {
  if (WIDTH == 4u) { return vec4f(first); }
  let single = vec4f(vec4f(first).x, vec4f(second).x, vec4f(third).x, vec4f(fourth).x);
  return select(vec4f(), single, vec4u(d) + STEPS < vec4u(params.head_dim));
}
