// Four neighbours of a buffer: one load where the rows are whole vec4 and src/kernels/elements.ts swaps these lines.
alias Quad = array<f32, 1>; // vec4f, or array<f16, 1> and vec4h where memory holds f16
const QUAD = 1u; // 4u

fn whole(quad: Quad) -> vec4f {
  return vec4f(f32(quad[0]), f32(quad[QUAD / 4u]), f32(quad[QUAD / 2u]), f32(quad[QUAD - 1u]));
}
