// What a kernel reads, computes and writes at once: one element, or four where src/kernels/elements.ts swaps these lines.
// Kernels that go through the components of a value declare the single one as array<f32, 1>.
alias Value = f32; // vec4f
const WIDTH = 1u; // 4u
