// Quads of a head's rows in memory. Uses `params.head_dim`, in elements, of the kernel that imports it.
#import quad
const DEPTH = 4u; // quads of a head

// Four neighbours from this element on.
fn quad_at(rows: ptr<storage, array<Quad>, read>, e: u32) -> vec4f {
  if (QUAD == 4u) { return whole((*rows)[e / 4u]); }
  return vec4f(whole((*rows)[e]).x, whole((*rows)[e + 1u]).x, whole((*rows)[e + 2u]).x, whole((*rows)[e + 3u]).x);
}

// Quad d of the row that begins at this element, with zeros after the head's end. Where quads are whole, heads end with one: a later d is not to be used.
fn quad_of_head(rows: ptr<storage, array<Quad>, read>, row: u32, d: u32) -> vec4f {
  let quad = quad_at(rows, row + 4u * d);
  if (QUAD == 4u) { return quad; }
  return select(vec4f(), quad, 4u * d + vec4u(0u, 1u, 2u, 3u) < vec4u(params.head_dim));
}
