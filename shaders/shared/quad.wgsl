// Four neighbours of a buffer: one load where the rows are whole vec4 and src/kernels/elements.ts swaps these lines.
alias Quad = array<f32, 1>; // vec4f
const QUAD = 1u; // 4u

fn whole(quad: Quad) -> vec4f {
  return vec4f(quad[0], quad[QUAD / 4u], quad[QUAD / 2u], quad[QUAD - 1u]);
}
